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
        const auto put = [&](typename R::Row row, Vec<T> v) { store_unaligned(rows.row(row) + run.at(i), v); };
        const auto state = [&](int channel) { return get_position<T>(t.state, p, channel, run, i); };
        const Vec<T> inverse0 = state(1), upstream = get_position<T>(t.upstream, p, 0, run, i);
        put(R::ratio, state(0));
        put(R::inverse0, inverse0);
        put(R::shift, state(3));
        put(R::along0, state(4));
        put(R::along1, state(5));
        put(R::outer0, 2 * upstream * inverse0);
        put(R::outer1, -2 * upstream * state(2));
        put(R::upstream, upstream);
    }
}

// Gradients at a vector of positions, and the terms of that of the channel's weight.
template <class T>
struct GradientVectors {
    Vec<T> f0, f1, weight;
};

// What all channels of a position need, for a vector of positions or one in every lane.
template <class T>
struct GradientFactors {
    using Row = typename GradientRows<T>::Row;
    FeatureState<Vec<T>> state;
    Vec<T> outer0, outer1, upstream;

    template <class Get>
    explicit LIMEN_INLINE GradientFactors(const Get& get)
        : state{get(Row::ratio), get(Row::inverse0), {}, get(Row::shift), get(Row::along0), get(Row::along1)},
          outer0(get(Row::outer0)),
          outer1(get(Row::outer1)),
          upstream(get(Row::upstream)) {}
    LIMEN_INLINE static GradientFactors vector(const GradientRows<T>& rows, int at) {
        return GradientFactors([&](Row row) LIMEN_INLINE_LAMBDA { return load_unaligned(rows.row(row) + at); });
    }
    LIMEN_INLINE static GradientFactors same(const GradientRows<T>& rows, int64_t at) {
        return GradientFactors([&](Row row) LIMEN_INLINE_LAMBDA { return broadcast<T>(rows.row(row)[at]); });
    }

    template <class W>
    LIMEN_INLINE GradientVectors<T> of(Vec<T> f0, Vec<T> f1, W w) const {
        const FeatureSlopes<Vec<T>> s = feature_slopes(state, outer0, outer1, f0, f1, w);
        return {s.f0, s.f1, upstream * s.u * s.u};
    }
};

// Lanes `begin` to `end` of the vector at position `at`, one by one: whatever the strides, whatever the type of the gradients. Returns
// the terms of the gradient of the weight.
template <class T, class E>
LIMEN_INLINE Vec<T> gradient_lanes(const FeatureGradientTask& t, const GradientRows<T>& rows, const Positions& p,
                                   int64_t channel, int at, int begin, int end) {
    const auto read = [&](const Features& f) {
        return some_numbers<T>(static_cast<const E*>(f.data) + offset(f, p) + channel * f.channel + at * f.col, f.col,
                               end);
    };
    const GradientVectors<T> v =
        GradientFactors<T>::vector(rows, at).of(read(t.f0), read(t.f1), weights_of<T>(t.weights)[channel]);
    const auto write = [&](const Features& f, Vec<T> lanes) {
        if (f.data)
            store_some<T>(f.data, f.dtype, offset(f, p) + channel * f.channel + at * f.col, f.col, lanes, begin, end);
    };
    write(t.grad0, v.f0);
    write(t.grad1, v.f1);
    return only_lanes<T>(v.weight, begin, end);
}

// Where positions and their gradients lie side by side, and gradients are of the features' own type: one channel of a run.
template <class E>
struct GradientChannel {
    const E *f0, *f1;
    E *grad0, *grad1;  // may be null

    GradientChannel() = default;
    LIMEN_INLINE GradientChannel(const FeatureGradientTask& t, const Positions& p, int64_t channel) {
        const auto start = [&](const Features& f) {
            return f.data ? static_cast<E*>(f.data) + offset(f, p) + channel * f.channel : nullptr;
        };
        f0 = start(t.f0);
        f1 = start(t.f1);
        grad0 = start(t.grad0);
        grad1 = start(t.grad1);
    }
};

template <class T>
LIMEN_INLINE void add_weight_sum(const FeatureGradientTask& t, int64_t channel, Vec<T> terms) {
    for (int i = 0; t.weight_sums && i < kLanes<T>; i++) t.weight_sums[channel] += static_cast<double>(terms[i]);
}

template <class T, class E, bool ahead, int channels>
LIMEN_INLINE void gradient_channels(const FeatureGradientTask& t, const GradientRows<T>& rows, const Slots<T>& run,
                                    const Positions& p, int64_t first) {
    const T* const w = weights_of<T>(t.weights) + first;
    const bool weighs = t.weight_sums;
    GradientChannel<E> now[channels], next[channels];
    Vec<T> sums[channels] = {};
#pragma GCC unroll 2
    for (int k = 0; k < channels; k++) {
        now[k] = GradientChannel<E>(t, p, first + k);
        if (ahead) next[k] = GradientChannel<E>(t, p, first + channels + k);
    }
    const int slots = run.slots();
    for (int i = 0; i < slots; i++) {
        const int at = run.at(i);
        const auto factors = GradientFactors<T>::vector(rows, at);
#pragma GCC unroll 2
        for (int k = 0; k < channels; k++) {
            if constexpr (ahead) {
                prefetch_far<T>(next[k].f0 + at);
                prefetch_far<T>(next[k].f1 + at);
                if (next[k].grad0) __builtin_prefetch(next[k].grad0 + at, 1);
                if (next[k].grad1) __builtin_prefetch(next[k].grad1 + at, 1);
            }
            const GradientVectors<T> v = factors.of(numbers<T>(now[k].f0 + at), numbers<T>(now[k].f1 + at), w[k]);
            if (now[k].grad0) store_numbers<T>(now[k].grad0 + at, v.f0);
            if (now[k].grad1) store_numbers<T>(now[k].grad1 + at, v.f1);
            if (weighs) sums[k] += only_lanes<T>(v.weight, run.begin(i), run.end(i));
        }
    }
    for (int k = 0; k < channels; k++) add_weight_sum<T>(t, first + k, sums[k]);
}

template <class T, class E>
__attribute__((noinline)) void gradient_planar(const FeatureGradientTask& t, const GradientRows<T>& rows,
                                               const Slots<T>& run, const Positions& p) {
    int64_t c = 0;
    constexpr int group = 2;  // not more: each channel is two streams of reads and two of writes
    for (; c + 2 * group <= t.channels; c += group) gradient_channels<T, E, true, group>(t, rows, run, p, c);
    for (; c < t.channels; c++) gradient_channels<T, E, false, 1>(t, rows, run, p, c);
}

template <class T, class E>
__attribute__((noinline)) void gradient_strided(const FeatureGradientTask& t, const GradientRows<T>& rows,
                                                const Slots<T>& run, const Positions& p) {
    for (int64_t c = 0; c < t.channels; c++) {
        Vec<T> sum = {};
        for (int i = 0; i < run.slots(); i++)
            sum += gradient_lanes<T, E>(t, rows, p, c, run.at(i), run.begin(i), run.end(i));
        add_weight_sum<T>(t, c, sum);
    }
}

template <class T>
constexpr int kLine = kLineBytes / static_cast<int>(sizeof(T));

// Elements before the next line of the cache.
template <class T>
LIMEN_INLINE int to_next_line(const T* p) {
    const int beyond = static_cast<int>(reinterpret_cast<uintptr_t>(p) % kLineBytes / sizeof(T));
    return beyond > 0 ? kLine<T> - beyond : 0;
}

template <class T>
LIMEN_INLINE bool starts_line(const T* p) {
    return reinterpret_cast<uintptr_t>(p) % kLineBytes == 0;
}

// Whether both gradients' lines begin at the same positions, and a run has some.
template <class T>
LIMEN_INLINE bool whole_lines(const FeatureGradientTask& t, const Positions& p) {
    const GradientChannel<T> c(t, p, 0);
    const T *const grad0 = c.grad0 ? c.grad0 : c.grad1, *const grad1 = c.grad1 ? c.grad1 : c.grad0;
    const int64_t apart = grad0 == grad1 ? 0 : t.grad0.channel - t.grad1.channel;
    return grad0 && starts_line(grad0 + to_next_line(grad0)) && starts_line(grad1 + to_next_line(grad0)) &&
           apart % kLine<T> == 0 && p.count >= 2 * kLine<T>;
}

// Lines are written at once, which needn't be read before. A channel by itself, since lines begin at other positions in each.
template <class T>
__attribute__((noinline)) void gradient_past_cache(const FeatureGradientTask& t, const GradientRows<T>& rows,
                                                   const Positions& p) {
    constexpr int L = kLanes<T>;
    for (int64_t c = 0; c < t.channels; c++) {
        const GradientChannel<T> now(t, p, c), next(t, p, c + 1 < t.channels ? c + 1 : c);
        const T w = weights_of<T>(t.weights)[c];
        const int first = to_next_line(now.grad0 ? now.grad0 : now.grad1);
        const int last = first + (p.count - first) / kLine<T> * kLine<T>;
        const auto edge = [&](int begin, int end) {
            for (int i = begin; i < end; i += L) {
                const int at = i + L <= p.count ? i : p.count - L, stop = i + L < end ? i + L : end;
                gradient_lanes<T, T>(t, rows, p, c, at, i - at, stop - at);
            }
        };
        edge(0, first);
        for (int i = first; i < last; i += kLine<T>)
            for (int at = i; at < i + kLine<T>; at += L) {
                prefetch_far<T>(next.f0 + at);
                prefetch_far<T>(next.f1 + at);
                const GradientVectors<T> v = GradientFactors<T>::vector(rows, at).of(load_unaligned(now.f0 + at),
                                                                                     load_unaligned(now.f1 + at), w);
                if (now.grad0) store_past_cache(now.grad0 + at, v.f0);
                if (now.grad1) store_past_cache(now.grad1 + at, v.f1);
            }
        edge(last, p.count);
    }
    finish_past_cache();
}

template <class T, class E, bool plain>
__attribute__((noinline)) void gradient_interleaved(const FeatureGradientTask& t, const GradientRows<T>& rows,
                                                    const Slots<T>& run, const Positions& p) {
    constexpr int L = kLanes<T>;
    const T* const w = weights_of<T>(t.weights);
    const int rest = static_cast<int>(t.channels % L);
    const int64_t whole = t.channels - rest;
    // Lines written at once needn't be read before.
    const auto apart = [&](const Features& out) {
        return !out.data || (starts_line(static_cast<E*>(out.data) + offset(out, p)) && out.col % kLine<E> == 0);
    };
    const bool past_cache =
        plain && kWritesPastCache && sizeof(E) == sizeof(T) && t.past_cache && apart(t.grad0) && apart(t.grad1);
    if (t.weight_sums)
        for (int64_t c = 0; c < t.channels + L - 1; c += L) store_unaligned(rows.weight_sums + c, Vec<T>{});
    for (int64_t i = 0; i < run.count; i++) {
        const E* const f0 = static_cast<const E*>(t.f0.data) + offset(t.f0, p) + i * t.f0.col;
        const E* const f1 = static_cast<const E*>(t.f1.data) + offset(t.f1, p) + i * t.f1.col;
        const auto factors = GradientFactors<T>::same(rows, i);
        const auto write = [&](const Features& out, int64_t c, Vec<T> v, int count) LIMEN_INLINE_LAMBDA {
            if (!out.data) return;
            const int64_t at = offset(out, p) + i * out.col + c * out.channel;
            if (past_cache && count == L) store_past_cache(static_cast<T*>(out.data) + at, v);
            else if (plain && count == L) store_numbers<T>(static_cast<E*>(out.data) + at, v);
            else store_some<T>(out.data, out.dtype, at, out.channel, v, 0, count);
        };
        const auto channels = [&](int64_t c, Vec<T> a, Vec<T> b, int count) LIMEN_INLINE_LAMBDA {
            const GradientVectors<T> v = factors.of(a, b, load_unaligned(w + c));
            if (t.weight_sums) {
                T* const sum = rows.weight_sums + c;
                store_unaligned(sum, load_unaligned(sum) + v.weight);
            }
            write(t.grad0, c, v.f0, count);
            write(t.grad1, c, v.f1, count);
        };
        for (int64_t c = 0; c < whole; c += L) channels(c, numbers<T>(f0 + c), numbers<T>(f1 + c), L);
        if (rest > 0) channels(whole, some_numbers<T>(f0 + whole, 1, rest), some_numbers<T>(f1 + whole, 1, rest), rest);
    }
    if (past_cache) finish_past_cache();
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
    // Not with the gradient of the weight: the order of its sums would depend on where memory lies.
    if constexpr (kWritesPastCache && sizeof(E) == sizeof(T))
        if (plain && !interleaved && t.past_cache && !t.weight_sums && whole_lines<T>(t, p))
            return gradient_past_cache<T>(t, rows, p);
    if (interleaved && plain) gradient_interleaved<T, E, true>(t, rows, run, p);
    else if (interleaved) gradient_interleaved<T, E, false>(t, rows, run, p);
    else if (plain) gradient_planar<T, E>(t, rows, run, p);
    else gradient_strided<T, E>(t, rows, run, p);
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
