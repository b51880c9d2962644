// SSIM, or its contrast-structure part, over a region of positions: a sum per channel and, if wanted, the map.

namespace {

// Values of one channel over positions [begin, end) of the chunk, all kStrip rows: sums, and values in place for the map.
template <class T, int R, int Step, bool luminance>
__attribute__((noinline)) void score_positions(const Taps<T>& taps, const SsimConstants<Vec<T>>& k,
                                               const MomentBuffers<T>& b, int64_t begin, int64_t end, int step,
                                               bool map, double* sums) {
    constexpr int Count = 4;
    const int stride = Step > 0 ? Step : step;
    for (int g = 0; g < kStrip; g += kLanes<T>) {
        Vec<T> sum = {};
        const auto positions = [&]<int N>(int64_t at) LIMEN_INLINE_LAMBDA {
            SsimMoments<Vec<T>> m[N];
            moments_at<T, R, N>(taps, b, at, g, stride, m);
            for (int i = 0; i < N; i++) {
                const Vec<T> value = ssim_value<luminance>(ssim_terms(m[i], k), k);
                sum += value;
                if (map) store(b.map + (at + i * stride) * kStrip + g, value);
            }
        };
        int64_t at = begin;
        for (; at + (Count - 1) * stride < end; at += Count * stride) positions.template operator()<Count>(at);
        for (; at < end; at += stride) positions.template operator()<1>(at);
        add_lanes<T>(sums + g, sum);
    }
}

// Columns [0, count) of the transposed map chunk to rows [0, rows) of the plane, from (row, sample) on.
template <class T>
void store_map(const Plane& map, const T* columns, int64_t row, int64_t rows, int64_t sample, int64_t count) {
    const auto copy = [&]<class E>(E* out) {
        out += row * map.row + sample * map.sample;
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < count; i++)
                out[r * map.row + i * map.sample] = static_cast<E>(columns[i * kStrip + r]);
    };
    map.dtype == DType::float64 ? copy(static_cast<double*>(map.data)) : copy(static_cast<float*>(map.data));
}

template <class T, int R, int Step, bool luminance>
void forward_of(const ForwardTask& task) {
    const PairSource& s = task.source;
    const Region& p = task.positions;
    const Taps<T> taps = taps_of<T>(task.formula->window);
    const SsimConstants<Vec<T>> k = constants_of<T>(*task.formula, taps, s);
    const int step = Step > 0 ? Step : s.step;
    const int64_t reach = taps.reach, history = 2 * reach * step, chunk = chunk_samples(step);
    const int64_t samples = (p.col_end - p.col_begin + 2 * reach) * step;
    const MomentBuffers<T> b(static_cast<T*>(task.scratch), taps.reach, step, 0);
    const auto pitch = chunk_pitch<R, Step, false>(taps.reach, step);

    for (int c = 0; c < step; c++) task.sums[c] = 0;
    for (int64_t row = p.row_begin; row < p.row_end; row += kStrip) {
        const int64_t rows = p.row_end - row < kStrip ? p.row_end - row : kStrip;
        double sums[kMaxInterleave][kStrip] = {};
        // Position j of the columns buffer sees columns j .. j + 2 reach; before the first chunk there is no history.
        for (int64_t begin = 0; begin < samples; begin += chunk) {
            const int64_t count = samples - begin < chunk ? samples - begin : chunk, col = p.col_begin + begin / step;
            const Prefetch next = prefetch_ahead<T>(s, p, taps.reach, row, begin, samples, chunk);
            blur_chunk<T, R, Step>(taps, b, pitch, s, row, rows, col, count,
                                   [&](int64_t turn, int64_t turns)
                                       LIMEN_INLINE_LAMBDA { next.part<false>(turn, turns); });
            const int64_t skip = begin >= history ? 0 : history - begin < count ? history - begin : count;
            for (int c = 0; c < step; c++)
                score_positions<T, R, Step, luminance>(taps, k, b, skip + c, count, step, task.map.data != nullptr,
                                                       sums[c]);
            if (task.map.data)
                store_map<T>(task.map, b.map + skip * kStrip, row, rows, p.col_begin * step + begin + skip - history,
                             count - skip);
            for (int q = 0; q < 4; q++) keep_history<T>(b.columns[q], chunk, history);
        }
        for (int c = 0; c < step; c++)
            for (int64_t r = 0; r < rows; r++) task.sums[c] += sums[c][r];
    }
}

template <class T, int R, int Step>
void forward_with(const ForwardTask& task) {
    task.formula->luminance ? forward_of<T, R, Step, true>(task) : forward_of<T, R, Step, false>(task);
}

// The 11-tap window of one plane or of interleaved RGB is compiled with its loops unrolled; the rest shares one body.
template <class T>
void forward(const ForwardTask& task) {
    const bool eleven = task.formula->window.reach == 5;
    switch (task.source.step) {
        case 1: return eleven ? forward_with<T, 5, 1>(task) : forward_with<T, -1, 1>(task);
        case 3: return eleven ? forward_with<T, 5, 3>(task) : forward_with<T, -1, 3>(task);
        default: return eleven ? forward_with<T, 5, 0>(task) : forward_with<T, -1, 0>(task);
    }
}

}  // namespace
