// The distance of feature vectors at every position (math/feature_distance_math.h), in one sweep over memory. Where the channels of a
// position lie side by side its sums are kept in registers. Elsewhere a row of positions is swept channel by channel, and the sums of the
// whole row stay in the first-level cache.

namespace {

// In scratch memory: vectors of six sums, one after another as in FeatureSums, and ratios.
template <class T>
struct FeatureScratch {
    T* sums;
    T* ratios;

    explicit LIMEN_INLINE FeatureScratch(void* scratch)
        : sums(static_cast<T*>(scratch)), ratios(sums + 6 * kFeatureRow) {}

    LIMEN_INLINE FeatureSums<Vec<T>> get(int slot) const {
        constexpr int L = kLanes<T>;
        const T* const p = sums + slot * 6 * L;
        return {load(p), load(p + L), load(p + 2 * L), load(p + 3 * L), load(p + 4 * L), load(p + 5 * L)};
    }
    LIMEN_INLINE void put(int slot, const FeatureSums<Vec<T>>& s) const {
        constexpr int L = kLanes<T>;
        T* const p = sums + slot * 6 * L;
        store(p, s.square0);
        store(p + L, s.square1);
        store(p + 2 * L, s.squares);
        store(p + 3 * L, s.wdd);
        store(p + 4 * L, s.wd1);
        store(p + 5 * L, s.w11);
    }
};

// `channels` channels from `channel` on. Their sums are taken by themselves first: long sums are then exacter.
template <class T, class E, bool unit, bool ahead, int channels>
LIMEN_INLINE void sum_channels(const FeatureTask& t, const FeatureScratch<T>& scratch, const Slots<T>& run, const E* f0,
                               const E* f1, int64_t channel) {
    const T* const w = weights_of<T>(t.weights) + channel;
    const int64_t c0 = t.f0.channel, c1 = t.f1.channel;
    f0 += channel * c0;
    f1 += channel * c1;
    const int slots = run.slots();
    for (int i = 0; i < slots; i++) {
        const int at = run.at(i);
        Vec<T> ratio = {};
        if constexpr (!unit) ratio = load(scratch.ratios + i * kLanes<T>);
        FeatureSums<Vec<T>> s = {};
        if (run.whole) {
#pragma GCC unroll 8
            for (int k = 0; k < channels; k++) {
                const E *const x = f0 + k * c0 + at, *const y = f1 + k * c1 + at;
                if constexpr (ahead) {
                    prefetch_far<T>(x + channels * c0);
                    prefetch_far<T>(y + channels * c1);
                }
                feature_add<unit>(s, numbers<T>(x), numbers<T>(y), ratio, w[k]);
            }
        } else {
            const int count = run.end(i);
            for (int k = 0; k < channels; k++)
                feature_add<unit>(s, some_numbers<T>(f0 + k * c0 + at * t.f0.col, t.f0.col, count),
                                  some_numbers<T>(f1 + k * c1 + at * t.f1.col, t.f1.col, count), ratio, w[k]);
        }
        if (channel > 0) {
            const FeatureSums<Vec<T>> before = scratch.get(i);
            s.square0 += before.square0;
            s.square1 += before.square1;
            s.squares += before.squares;
            s.wdd += before.wdd;
            s.wd1 += before.wd1;
            s.w11 += before.w11;
        }
        scratch.put(i, s);
    }
}

template <class T, class E, bool unit>
__attribute__((noinline)) void sum_planar(const FeatureTask& t, const FeatureScratch<T>& scratch, const Slots<T>& run,
                                          const E* f0, const E* f1) {
    constexpr int group = 8;
    int64_t c = 0;
    for (; c + 2 * group <= t.channels; c += group) sum_channels<T, E, unit, true, group>(t, scratch, run, f0, f1, c);
    for (; c + group <= t.channels; c += group) sum_channels<T, E, unit, false, group>(t, scratch, run, f0, f1, c);
    for (; c < t.channels; c++) sum_channels<T, E, unit, false, 1>(t, scratch, run, f0, f1, c);
}

// The sum of each vector.
template <class T>
LIMEN_INLINE Vec<T> sums_of(Vec<T> (&v)[kLanes<T>]) {
    transpose<T>(v);
    Vec<T> sum = v[0];
    for (int i = 1; i < kLanes<T>; i++) sum += v[i];
    return sum;
}

template <class T, class E, bool unit>
__attribute__((noinline)) void sum_interleaved(const FeatureTask& t, const FeatureScratch<T>& scratch,
                                               const Slots<T>& run, const E* f0, const E* f1) {
    constexpr int L = kLanes<T>;
    const T* const w = weights_of<T>(t.weights);
    const int rest = static_cast<int>(t.channels % L);
    const int64_t whole = t.channels - rest;
    for (int i = 0; i < run.slots(); i++) {
        Vec<T> square0[L], square1[L], squares[L], wdd[L], wd1[L], w11[L];
        const int count = run.end(i);
        for (int k = count; k < L; k++) square0[k] = square1[k] = squares[k] = wdd[k] = wd1[k] = w11[k] = Vec<T>{};
        for (int k = 0; k < count; k++) {
            const int64_t at = i * L + k;
            const E* const x = f0 + at * t.f0.col;
            const E* const y = f1 + at * t.f1.col;
            Vec<T> ratio = {};
            if constexpr (!unit) ratio = broadcast<T>(scratch.ratios[at]);
            FeatureSums<Vec<T>> s = {};
            for (int64_t c = 0; c < whole; c += L)
                feature_add<unit>(s, numbers<T>(x + c), numbers<T>(y + c), ratio, load_unaligned(w + c));
            if (rest > 0)
                feature_add<unit>(s, some_numbers<T>(x + whole, 1, rest), some_numbers<T>(y + whole, 1, rest), ratio,
                                  load_unaligned(w + whole));
            square0[k] = s.square0;
            square1[k] = s.square1;
            squares[k] = s.squares;
            wdd[k] = s.wdd;
            wd1[k] = s.wd1;
            w11[k] = s.w11;
        }
        scratch.put(i, {sums_of<T>(square0), sums_of<T>(square1), sums_of<T>(squares), sums_of<T>(wdd), sums_of<T>(wd1),
                        sums_of<T>(w11)});
    }
}

template <class T, class E>
LIMEN_INLINE void sum_features(const FeatureTask& t, const FeatureScratch<T>& scratch, const Slots<T>& run,
                               const Positions& p, bool interleaved, bool unit) {
    const E* const f0 = static_cast<const E*>(t.f0.data) + offset(t.f0, p);
    const E* const f1 = static_cast<const E*>(t.f1.data) + offset(t.f1, p);
    if (interleaved && unit) sum_interleaved<T, E, true>(t, scratch, run, f0, f1);
    else if (interleaved) sum_interleaved<T, E, false>(t, scratch, run, f0, f1);
    else if (unit) sum_planar<T, E, true>(t, scratch, run, f0, f1);
    else sum_planar<T, E, false>(t, scratch, run, f0, f1);
}

template <class T>
LIMEN_INLINE void put_position(const Features& out, const Positions& p, int channel, const Slots<T>& run, int slot,
                               Vec<T> v) {
    if (!out.data) return;
    const int64_t at = offset(out, p) + channel * out.channel + run.at(slot) * out.col;
    if (out.col == 1 && holds<T>(out.dtype) && run.end(slot) == kLanes<T>)
        store_unaligned(static_cast<T*>(out.data) + at, v);
    else store_some<T>(out.data, out.dtype, at, out.col, v, run.begin(slot), run.end(slot));
}

// What became of a run: whether its distances are right, or how to get them right.
enum class Outcome { good, imprecise, out_of_range };

template <class T>
LIMEN_INLINE void put_state(const Features& out, const Positions& p, const Slots<T>& run, int slot,
                            FeatureState<Vec<T>> s) {
    if (!holds<T>(out.dtype)) {
        // Of lengths so different that float32 doesn't hold their ratio, one is nothing beside the other.
        const Vec<T> least = broadcast<T>(static_cast<T>(1e-37)), most = broadcast<T>(static_cast<T>(1e37));
        const auto held = (s.ratio >= least) & (s.ratio <= most);
        s.ratio = held ? s.ratio : Vec<T>{};
        s.shift = held ? s.shift : -s.inverse1;
    }
    put_position(out, p, 0, run, slot, s.ratio);
    put_position(out, p, 1, run, slot, s.inverse0);
    put_position(out, p, 2, run, slot, s.inverse1);
    put_position(out, p, 3, run, slot, s.shift);
    put_position(out, p, 4, run, slot, s.along0);
    put_position(out, p, 5, run, slot, s.along1);
}

// Ratios for a second sweep: for the positions that need one.
template <class T, class B>
LIMEN_INLINE Vec<T> next_ratio(const FeatureTask& t, const FeatureSums<Vec<T>>& s, B doubtful) {
    Vec<T> ratio = feature_ratio(s, static_cast<T>(kFeatureEpsilon));
    // The gradient has to find what the sums are taken with; any number near the ratio will do.
    if (t.state.data && !holds<T>(t.state.dtype))
        for (int k = 0; k < kLanes<T>; k++)
            if (ratio[k] > static_cast<T>(1e-37) && ratio[k] < static_cast<T>(1e37))
                ratio[k] = static_cast<T>(static_cast<float>(ratio[k]));
    return doubtful ? ratio : broadcast<T>(1);
}

template <class T>
LIMEN_INLINE Outcome finish(const FeatureTask& t, const FeatureScratch<T>& scratch, const Slots<T>& run,
                            const Positions& p, bool unit, double& sum) {
    // Within these float32 holds the squares of numbers much smaller and much larger than a vector's length.
    const Vec<T> least = broadcast<T>(static_cast<T>(1e-24)), most = broadcast<T>(static_cast<T>(1e30));
    Bits<T> beyond = {}, doubts = {};
    sum = 0;
    for (int i = 0; i < run.slots(); i++) {
        const FeatureSums<Vec<T>> s = scratch.get(i);
        T* const ratios = scratch.ratios + i * kLanes<T>;
        Vec<T> ratio = broadcast<T>(1);
        if (!unit) ratio = load(ratios);
        const FeatureDistance<Vec<T>> d = feature_distance_of(s, ratio, static_cast<T>(kFeatureEpsilon));
        const auto outside = [&](Vec<T> square) {
            return (((square >= least) & (square <= most)) == 0) & (square != 0);
        };
        beyond |= outside(s.square0) | outside(s.square1);
        for (int k = run.begin(i); k < run.end(i); k++) sum += static_cast<double>(d.value[k]);
        put_position(t.map, p, 0, run, i, d.value);
        if (t.state.data) put_state(t.state, p, run, i, d.state);
        if (!unit) continue;
        const Bits<T> doubtful = (d.terms <= kFeatureTerms * d.value) == 0;
        doubts |= doubtful;
        store(ratios, next_ratio<T>(t, s, doubtful));
    }
    if (sizeof(T) == 4 && any(beyond)) return Outcome::out_of_range;
    return any(doubts) ? Outcome::imprecise : Outcome::good;
}

template <class T>
LIMEN_INLINE void sum_run(const FeatureTask& t, const FeatureScratch<T>& scratch, const Slots<T>& run,
                          const Positions& p, bool interleaved, bool unit) {
    switch (t.f0.dtype) {
        case DType::float16: return sum_features<T, Half>(t, scratch, run, p, interleaved, unit);
        case DType::bfloat16: return sum_features<T, BFloat>(t, scratch, run, p, interleaved, unit);
        case DType::float32: return sum_features<T, float>(t, scratch, run, p, interleaved, unit);
        default:
            if constexpr (sizeof(T) == 8) sum_features<T, double>(t, scratch, run, p, interleaved, unit);
    }
}

template <class T>
__attribute__((noinline)) double distance_of_run(const FeatureTask& t, const Positions& p) {
    const FeatureScratch<T> scratch(t.scratch);
    const Slots<T> run = {p.count, t.f0.col == 1 && t.f1.col == 1 && p.count >= kLanes<T>};
    const bool interleaved = !run.whole && t.f0.channel == 1 && t.f1.channel == 1;
    double sum;
    sum_run<T>(t, scratch, run, p, interleaved, true);
    Outcome outcome = finish<T>(t, scratch, run, p, true, sum);
    if (outcome == Outcome::imprecise) {
        sum_run<T>(t, scratch, run, p, interleaved, false);
        outcome = finish<T>(t, scratch, run, p, false, sum);
    }
    if constexpr (sizeof(T) == 4)
        if (outcome == Outcome::out_of_range) return distance_of_run<double>(t, p);
    return sum;
}

template <class T>
void feature_distance(const FeatureTask& task) {
    *task.sum = 0;
    each_run(task.positions, [&](const Positions& p) { *task.sum += distance_of_run<T>(task, p); });
}

}  // namespace
