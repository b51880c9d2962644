// Gradients of the feature distance: with what the forward kernel left of each position, one sweep reads the features and writes all.

namespace {

// In scratch memory: vectors of a run's positions, in rows, then a number for each channel.
template <class T>
struct GradientRows {
    T* rows;
    T* weight_sums;

    explicit LIMEN_INLINE GradientRows(void* scratch)
        : rows(static_cast<T*>(scratch)), weight_sums(rows + 8 * kFeatureRow) {}

    enum Row { ratio, inverse0, shift, along0, along1, outer0, outer1, upstream };
    LIMEN_INLINE T* row(Row which) const { return rows + which * kFeatureRow; }
    LIMEN_INLINE Vec<T> vector(Row which, int slot) const { return load(row(which) + slot * kLanes<T>); }
    LIMEN_INLINE Vec<T> same(Row which, int64_t position) const { return broadcast<T>(row(which)[position]); }
};

// What a channel needs of its positions.
template <class T>
struct GradientFactors {
    FeatureState<Vec<T>> state;
    Vec<T> outer0, outer1, upstream;
};

template <class T>
LIMEN_INLINE Vec<T> get_position(const Features& f, const Positions& p, int channel, const Slots<T>& run, int slot) {
    const int64_t at = offset(f, p) + channel * f.channel + run.at(slot) * f.col;
    if (f.dtype == DType::float64) {
        if (sizeof(T) == 8 && f.col == 1 && run.end(slot) == kLanes<T>)
            return numbers<T>(static_cast<const double*>(f.data) + at);
        return some_numbers<T>(static_cast<const double*>(f.data) + at, f.col, run.end(slot));
    }
    if (f.col == 1 && run.end(slot) == kLanes<T>) return numbers<T>(static_cast<const float*>(f.data) + at);
    return some_numbers<T>(static_cast<const float*>(f.data) + at, f.col, run.end(slot));
}

template <class T>
LIMEN_INLINE void read_factors(const FeatureGradientTask& t, const GradientRows<T>& rows, const Slots<T>& run,
                               const Positions& p) {
    using R = GradientRows<T>;
    for (int i = 0; i < run.slots(); i++) {
        const auto put = [&](typename R::Row row, Vec<T> v) { store(rows.row(row) + i * kLanes<T>, v); };
        const auto state = [&](int channel) { return get_position<T>(t.state, p, channel, run, i); };
        const Vec<T> inverse0 = state(1);
        Vec<T> upstream = get_position<T>(t.upstream, p, 0, run, i);
        put(R::ratio, state(0));
        put(R::inverse0, inverse0);
        put(R::shift, state(3));
        put(R::along0, state(4));
        put(R::along1, state(5));
        put(R::outer0, 2 * upstream * inverse0);
        put(R::outer1, -2 * upstream * state(2));
        for (int k = 0; k < run.begin(i); k++) upstream[k] = 0;  // another vector's, and counted there
        put(R::upstream, upstream);
    }
}

// How gradients are written: whole vectors of elements of the features' own type, or one by one.
template <class T, class E, bool plain>
LIMEN_INLINE void put_gradient(const Features& out, int64_t at, int64_t stride, Vec<T> v, int begin, int end) {
    if (!out.data) return;
    if constexpr (plain) store_numbers<T>(static_cast<E*>(out.data) + at, v);
    else store_some<T>(out.data, out.dtype, at, stride, v, begin, end);
}

// Of the next channels.
template <class E, int channels>
LIMEN_INLINE void write_soon(const Features& out, int64_t at) {
    if (out.data) __builtin_prefetch(static_cast<const E*>(out.data) + at + channels * out.channel, 1);
}

template <class T, class E, bool plain, bool ahead, int channels>
LIMEN_INLINE void gradient_channels(const FeatureGradientTask& t, const GradientRows<T>& rows, const Slots<T>& run,
                                    const Positions& p, int64_t channel) {
    using R = GradientRows<T>;
    const T* const w = weights_of<T>(t.weights) + channel;
    const E* const f0 = static_cast<const E*>(t.f0.data) + offset(t.f0, p) + channel * t.f0.channel;
    const E* const f1 = static_cast<const E*>(t.f1.data) + offset(t.f1, p) + channel * t.f1.channel;
    const int64_t g0 = offset(t.grad0, p) + channel * t.grad0.channel,
                  g1 = offset(t.grad1, p) + channel * t.grad1.channel;
    Vec<T> sums[channels] = {};
    const int slots = run.slots();
    for (int i = 0; i < slots; i++) {
        const int at = run.at(i), begin = run.begin(i), end = run.end(i);
        const auto row = [&](typename R::Row which) LIMEN_INLINE_LAMBDA { return rows.vector(which, i); };
        const FeatureState<Vec<T>> state = {row(R::ratio), row(R::inverse0), {},
                                            row(R::shift), row(R::along0),   row(R::along1)};
        const Vec<T> outer0 = row(R::outer0), outer1 = row(R::outer1);
        for (int k = 0; k < channels; k++) {
            Vec<T> a, b;
            if (plain || run.whole) {
                const E *const x = f0 + k * t.f0.channel + at, *const y = f1 + k * t.f1.channel + at;
                if constexpr (ahead) {
                    __builtin_prefetch(x + channels * t.f0.channel);
                    __builtin_prefetch(y + channels * t.f1.channel);
                    write_soon<E, channels>(t.grad0, g0 + k * t.grad0.channel + at);
                    write_soon<E, channels>(t.grad1, g1 + k * t.grad1.channel + at);
                }
                a = numbers<T>(x);
                b = numbers<T>(y);
            } else {
                a = some_numbers<T>(f0 + k * t.f0.channel + at * t.f0.col, t.f0.col, end);
                b = some_numbers<T>(f1 + k * t.f1.channel + at * t.f1.col, t.f1.col, end);
            }
            const FeatureSlopes<Vec<T>> s = feature_slopes(state, outer0, outer1, a, b, w[k]);
            put_gradient<T, E, plain>(t.grad0, g0 + k * t.grad0.channel + at * t.grad0.col, t.grad0.col, s.f0, begin,
                                      end);
            put_gradient<T, E, plain>(t.grad1, g1 + k * t.grad1.channel + at * t.grad1.col, t.grad1.col, s.f1, begin,
                                      end);
            if (t.weight_sums) sums[k] += row(R::upstream) * s.u * s.u;
        }
    }
    for (int k = 0; t.weight_sums && k < channels; k++)
        for (int i = 0; i < kLanes<T>; i++) t.weight_sums[channel + k] += static_cast<double>(sums[k][i]);
}

template <class T, class E, bool plain>
__attribute__((noinline)) void gradient_planar(const FeatureGradientTask& t, const GradientRows<T>& rows,
                                               const Slots<T>& run, const Positions& p) {
    int64_t c = 0;
    constexpr int group = 2;  // not more: each channel is two streams of reads and two of writes
    if constexpr (plain) {
        const auto worth = [](const Features& f) { return !f.data || worth_prefetching<E>(f); };
        if (worth(t.f0) && worth(t.f1) && worth(t.grad0) && worth(t.grad1))
            for (; c + 2 * group <= t.channels; c += group)
                gradient_channels<T, E, plain, true, group>(t, rows, run, p, c);
    }
    for (; c + group <= t.channels; c += group) gradient_channels<T, E, plain, false, group>(t, rows, run, p, c);
    for (; c < t.channels; c++) gradient_channels<T, E, plain, false, 1>(t, rows, run, p, c);
}

template <class T, class E, bool plain>
__attribute__((noinline)) void gradient_interleaved(const FeatureGradientTask& t, const GradientRows<T>& rows,
                                                    const Slots<T>& run, const Positions& p) {
    using R = GradientRows<T>;
    constexpr int L = kLanes<T>;
    const T* const w = weights_of<T>(t.weights);
    const int rest = static_cast<int>(t.channels % L);
    const int64_t whole = t.channels - rest;
    const Features &out0 = t.grad0, &out1 = t.grad1;
    if (t.weight_sums)
        for (int64_t c = 0; c < t.channels + L - 1; c += L) store_unaligned(rows.weight_sums + c, Vec<T>{});
    for (int64_t i = 0; i < run.count; i++) {
        const E* const f0 = static_cast<const E*>(t.f0.data) + offset(t.f0, p) + i * t.f0.col;
        const E* const f1 = static_cast<const E*>(t.f1.data) + offset(t.f1, p) + i * t.f1.col;
        const int64_t g0 = offset(out0, p) + i * out0.col, g1 = offset(out1, p) + i * out1.col;
        const auto row = [&](typename R::Row which) LIMEN_INLINE_LAMBDA { return rows.same(which, i); };
        const FeatureState<Vec<T>> state = {row(R::ratio), row(R::inverse0), {},
                                            row(R::shift), row(R::along0),   row(R::along1)};
        const Vec<T> outer0 = row(R::outer0), outer1 = row(R::outer1), upstream = row(R::upstream);
        const auto channels = [&](int64_t c, Vec<T> a, Vec<T> b) LIMEN_INLINE_LAMBDA {
            const FeatureSlopes<Vec<T>> s = feature_slopes(state, outer0, outer1, a, b, load_unaligned(w + c));
            if (t.weight_sums) {
                T* const sum = rows.weight_sums + c;
                store_unaligned(sum, load_unaligned(sum) + upstream * s.u * s.u);
            }
            return s;
        };
        for (int64_t c = 0; c < whole; c += L) {
            const FeatureSlopes<Vec<T>> s = channels(c, numbers<T>(f0 + c), numbers<T>(f1 + c));
            put_gradient<T, E, plain>(out0, g0 + c * out0.channel, out0.channel, s.f0, 0, L);
            put_gradient<T, E, plain>(out1, g1 + c * out1.channel, out1.channel, s.f1, 0, L);
        }
        if (rest > 0) {
            const FeatureSlopes<Vec<T>> s =
                channels(whole, some_numbers<T>(f0 + whole, 1, rest), some_numbers<T>(f1 + whole, 1, rest));
            put_gradient<T, E, false>(out0, g0 + whole * out0.channel, out0.channel, s.f0, 0, rest);
            put_gradient<T, E, false>(out1, g1 + whole * out1.channel, out1.channel, s.f1, 0, rest);
        }
    }
    for (int64_t c = 0; t.weight_sums && c < t.channels; c++)
        t.weight_sums[c] += static_cast<double>(rows.weight_sums[c]);
}

template <class T, class E>
LIMEN_INLINE void gradient_run(const FeatureGradientTask& t, const Positions& p) {
    const GradientRows<T> rows(t.scratch);
    const Slots<T> run = {p.count, t.f0.col == 1 && t.f1.col == 1 && p.count >= kLanes<T>};
    const bool interleaved = !run.whole && t.f0.channel == 1 && t.f1.channel == 1;
    read_factors<T>(t, rows, run, p);
    const auto alike = [&](const Features& out) {
        return !out.data || (out.dtype == t.f0.dtype && (interleaved ? out.channel : out.col) == 1);
    };
    const bool plain = (interleaved || run.whole) && alike(t.grad0) && alike(t.grad1);
    if (interleaved && plain) gradient_interleaved<T, E, true>(t, rows, run, p);
    else if (interleaved) gradient_interleaved<T, E, false>(t, rows, run, p);
    else if (plain) gradient_planar<T, E, true>(t, rows, run, p);
    else gradient_planar<T, E, false>(t, rows, run, p);
}

template <class T>
void feature_gradient(const FeatureGradientTask& task) {
    for (int64_t c = 0; task.weight_sums && c < task.channels; c++) task.weight_sums[c] = 0;
    each_run(task.positions, [&](const Positions& p) {
        if constexpr (sizeof(T) == 8) return gradient_run<T, double>(task, p);
        else switch (task.f0.dtype) {
                case DType::float16: return gradient_run<T, Half>(task, p);
                case DType::bfloat16: return gradient_run<T, BFloat>(task, p);
                default: return gradient_run<T, float>(task, p);
            }
    });
}

}  // namespace
