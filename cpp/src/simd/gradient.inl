// Gradients of the sum over positions, in one sweep: moments, slopes at each position, and the slopes blurred back (the adjoint of
// a symmetric blur is the same blur, over positions reaching 2 * reach up and left). Slopes are blurred along rows while the strip
// is transposed, turned back, kept in rings of rows, and blurred down the rows for the pixels whose positions are complete.

namespace {

// One gradient needs three sums (slope.u + slope.v, and those of u^2 and v^2), both need four.
constexpr int slope_count(bool both) { return both ? 4 : 3; }

template <class T, bool both>
struct SlopeBuffers {
    T* columns[slope_count(both)];  // history, then the chunk, transposed as the moments are
    T* rows[slope_count(both)];     // rings of rows as wide as the task
    T *out_x, *out_y;               // gradients of a chunk
    int64_t pitch, ring_rows;

    SlopeBuffers(const GradientLayout& s, T* scratch) : pitch(s.pitch), ring_rows(s.ring_rows) {
        T* at = scratch + s.moments.total;
        for (int q = 0; q < slope_count(both); q++) columns[q] = at + q * s.columns;
        at += 4 * s.columns;
        for (int q = 0; q < slope_count(both); q++) rows[q] = at + q * s.rows;
        out_x = at + 4 * s.rows;
        out_y = out_x + s.out;
    }

    // For a first strip whose first row has no positions above it.
    void clear_rows_before_first(int64_t count) const {
        for (T* ring : rows)
            memset(ring + (ring_rows - count) * pitch, 0, static_cast<size_t>(count * pitch) * sizeof(T));
    }
};

// Rows of slopes as a strip's pixels need them: the 2 * reach rows before the strip, then its own. `slot`, a multiple of kStrip, is
// where in the ring the strip's rows are. R >= 0 finds them without arithmetic, since 2R <= kStrip.
template <class T, int R>
struct StripRows {
    const T *ring, *previous, *current;
    int64_t pitch, rows, first;

    StripRows(const T* ring_, int64_t pitch_, int64_t rows_, int64_t slot, int reach)
        : ring(ring_),
          previous(ring + (slot == 0 ? rows_ - kStrip : slot - kStrip) * pitch_),
          current(ring + slot * pitch_),
          pitch(pitch_),
          rows(rows_),
          first(slot - 2 * reach < 0 ? slot - 2 * reach + rows_ : slot - 2 * reach) {}

    LIMEN_INLINE const T* operator[](int i) const {
        if constexpr (R >= 0) {
            return i < 2 * R ? previous + (kStrip - 2 * R + i) * pitch : current + (i - 2 * R) * pitch;
        } else {
            return ring + (first + i < rows ? first + i : first + i - rows) * pitch;
        }
    }
};

// Slopes of one channel at positions [begin, end) of the chunk, to the same places behind the history of slopes.
template <class T, int R, int Step, bool luminance, bool both>
__attribute__((noinline)) void slopes_at(const Taps<T>& taps, const SsimConstants<Vec<T>>& k, const MomentBuffers<T>& b,
                                         const SlopeBuffers<T, both>& d, int64_t lag, int64_t begin, int64_t end,
                                         int step, const T* weights, double* sums) {
    constexpr int Count = 2;
    const int stride = Step > 0 ? Step : step;
    for (int g = 0; g < kStrip; g += kLanes<T>) {
        Vec<T> sum = {};
        const auto positions = [&]<int N>(int64_t at) LIMEN_INLINE_LAMBDA {
            SsimMoments<Vec<T>> m[N];
            moments_at<T, R, N>(taps, b, at, g, stride, m);
            for (int i = 0; i < N; i++) {
                SsimSlopes<Vec<T>> slope = ssim_slopes<luminance>(m[i], k);
                if (weights) {
                    const Vec<T> w = load(weights + (at + i * stride) * kStrip + g);
                    slope.u *= w, slope.v *= w, slope.uu *= w, slope.vv *= w;
                }
                sum += slope.value;
                const int64_t to = (lag + at + i * stride) * kStrip + g;
                if constexpr (both) {
                    store(d.columns[0] + to, slope.u);
                    store(d.columns[3] + to, slope.v);
                } else {
                    store(d.columns[0] + to, slope.u + slope.v);
                }
                store(d.columns[1] + to, slope.uu);
                store(d.columns[2] + to, slope.vv);
            }
        };
        int64_t at = begin;
        for (; at + (Count - 1) * stride < end; at += Count * stride) positions.template operator()<Count>(at);
        for (; at < end; at += stride) positions.template operator()<1>(at);
        if (sums) add_lanes<T>(sums + g, sum);
    }
}

// Blurs `count` columns of slopes along the rows, turns them back and writes them at `sample` of the strip's rows.
template <class T, int R, int Step>
__attribute__((noinline)) void blur_slopes(const Taps<T>& taps, const T* columns, int64_t count, int step,
                                           const bool* mask, T* rows, int64_t pitch, int64_t sample) {
    constexpr int L = kLanes<T>;
    constexpr int Run = Step == 1 ? L : 1;
    const int stride = Step > 0 ? Step : step;
    for (int64_t c = 0; c < count; c += L)
        for (int g = 0; g < kStrip; g += L) {
            Vec<T> block[L];
            for (int j = 0; j < L; j += Run) {
                Vec<T> run[Run];
                const T* from = columns + (c + j) * kStrip + g;
                blur_run<T, R, Run>(
                    taps,
                    [&](int i) LIMEN_INLINE_LAMBDA { return load(from + static_cast<int64_t>(i) * stride * kStrip); },
                    run);
                for (int i = 0; i < Run; i++) block[j + i] = run[i];
            }
            transpose<T>(block);
            for (int i = 0; i < L; i++) {
                // A row that is no position holds leftovers, not numbers to multiply.
                store_unaligned(rows + (g + i) * pitch + sample + c, mask[g + i] ? block[i] : Vec<T>{});
            }
        }
}

// Blurs slopes down the rows and forms the gradients of kLanes samples of the strip's rows; u and v are the pixels' own.
template <class T, int R, bool both, int N>
__attribute__((noinline)) void combine_slopes(const Taps<T>& taps, const SlopeBuffers<T, both>& d, int64_t slot,
                                              int64_t sample, T scale, const T* u, const T* v, Pitch<N> pitch, T* out_x,
                                              T* out_y) {
    constexpr int Count = 8;
    for (int r = 0; r < kStrip; r += Count) {
        Vec<T> sum[4][Count];
        for (int q = 0; q < slope_count(both); q++) {
            const StripRows<T, R> rows(d.rows[q] + sample, d.pitch, d.ring_rows, slot, taps.reach);
            blur_run<T, R, Count>(taps, [&](int i) LIMEN_INLINE_LAMBDA { return load(rows[r + i]); }, sum[q]);
        }
        for (int i = 0; i < Count; i++) {
            const Vec<T> at_u = load_unaligned(u + (r + i) * pitch), at_v = load_unaligned(v + (r + i) * pitch);
            const int64_t to = (r + i) * kWidestChunk;
            if constexpr (both) {
                const Vec<T> gu = sum[0][i] + at_u * sum[1][i], gv = sum[3][i] + at_v * sum[2][i];
                store(out_x + to, scale * (gu + gv));
                store(out_y + to, scale * (gu - gv));
            } else {
                store(out_x + to, scale * (sum[0][i] + at_u * sum[1][i] + at_v * sum[2][i]));
            }
        }
    }
}

// Weights of the positions at columns [begin, end) of the chunk, transposed as the slopes are.
template <class T>
void read_weights(const Plane& plane, const bool* mask, int64_t row, int64_t sample, int64_t begin, int64_t end,
                  T* out) {
    const auto copy = [&](const auto* from) {
        from += row * plane.row + sample * plane.sample;
        for (int64_t i = begin; i < end; i++)
            for (int64_t r = 0; r < kStrip; r++)
                out[i * kStrip + r] = mask[r] ? static_cast<T>(from[r * plane.row + i * plane.sample]) : T(0);
    };
    plane.dtype == DType::float64 ? copy(static_cast<const double*>(plane.data))
                                  : copy(static_cast<const float*>(plane.data));
}

template <class T, int R, int Step, bool luminance, bool both>
void gradient_of(const GradientTask& task) {
    const PairSource& s = task.source;
    const Region& p = task.pixels;
    const Taps<T> taps = taps_of<T>(task.formula->window);
    const SsimConstants<Vec<T>> k = constants_of<T>(*task.formula, taps, s);
    const int step = Step > 0 ? Step : s.step;
    const int64_t reach = taps.reach, history = 2 * reach * step, chunk = chunk_samples(step),
                  lag = gradient_lag(reach, step);
    const int64_t cols = p.col_end - p.col_begin;
    const GradientLayout layout = gradient_layout(cols, taps.reach, step, sizeof(T));
    const MomentBuffers<T> b(static_cast<T*>(task.scratch), taps.reach, step, lag);
    const SlopeBuffers<T, both> d(layout, static_cast<T*>(task.scratch));
    const auto pitch = chunk_pitch<R, Step, true>(taps.reach, step);
    T* const weights = task.weights.data ? b.map : nullptr;

    // Pixel (r, c) gathers from positions up to 2 reach above and left of it. Samples are counted from the left of the halo.
    const int64_t halo = gradient_halo(p.col_begin, reach, step), own = halo * step,
                  samples = (halo + cols) * step + lag;
    const int64_t above = p.row_begin < 2 * reach ? p.row_begin : 2 * reach;
    const Region sweep = {p.row_begin - above, p.row_end, p.col_begin - halo, p.col_end + lag / step};
    if (above < 2 * reach) d.clear_rows_before_first(2 * reach);
    // Positions that exist and that a pixel of the task gathers from.
    const int64_t exist_begin = own - (p.col_begin < 2 * reach ? p.col_begin * step : history);
    const int64_t exist_end =
        ((p.col_end < task.position_cols ? p.col_end : task.position_cols) - sweep.col_begin) * step;

    for (int c = 0; c < step; c++) task.sums[c] = 0;
    for (int64_t row = sweep.row_begin, slot = 0; row < p.row_end;
         row += kStrip, slot = (slot + kStrip) % layout.ring_rows) {
        bool mask[kStrip];  // rows of the strip that are positions
        for (int r = 0; r < kStrip; r++) mask[r] = row + r >= 0 && row + r < task.position_rows && row + r < p.row_end;
        const int64_t top = row < p.row_begin ? p.row_begin - row : 0,
                      bottom = p.row_end - row < kStrip ? p.row_end - row : kStrip;
        double sums[kMaxInterleave][kStrip] = {};

        // The chunk of samples [begin, begin + count) gives the moments of the positions that begin `history` before it, and their
        // slopes complete the pixels at those same places.
        for (int64_t begin = 0; begin < samples; begin += chunk) {
            const int64_t count = samples - begin < chunk ? samples - begin : chunk, first = begin - history;
            const auto clip = [&](int64_t i) { return i < 0 ? 0 : i > count ? count : i; };
            const Prefetch next = prefetch_ahead<T>(s, sweep, taps.reach, row, begin, samples, chunk);
            const Prefetch outputs = prefetch_outputs(
                task.grad_x, task.grad_y, s, {row, kStrip, sweep.col_begin + (begin - lag) / step, chunk / step});
            // Columns beyond the image are no pixels of any position.
            const int64_t col = sweep.col_begin + begin / step, left = (s.width + 2 * s.pad - col) * step;
            blur_chunk<T, R, Step>(taps, b, pitch, s, row, bottom, col, clip(left),
                                   [&](int64_t turn, int64_t turns) LIMEN_INLINE_LAMBDA {
                                       next.part<false>(turn, turns);
                                       outputs.part<true>(turn, turns);
                                   });
            const int64_t from = clip(exist_begin - first),
                          to = exist_end - first < from ? from : clip(exist_end - first);
            for (int q = 0; q < slope_count(both); q++) {
                for (int64_t i = lag * kStrip; i < (lag + from) * kStrip; i++) d.columns[q][i] = 0;
                for (int64_t i = (lag + to) * kStrip; i < (lag + chunk) * kStrip; i++) d.columns[q][i] = 0;
            }
            if (weights) read_weights<T>(task.weights, mask, row, sweep.col_begin * step + first, from, to, weights);
            // Positions left of the task's pixels count in another task's sum.
            const int64_t mine = clip(own - first) < from ? from : clip(own - first) > to ? to : clip(own - first);
            for (int c = 0; c < step; c++) {
                slopes_at<T, R, Step, luminance, both>(taps, k, b, d, lag, from + c, mine, step, weights, nullptr);
                slopes_at<T, R, Step, luminance, both>(taps, k, b, d, lag, mine + c, to, step, weights, sums[c]);
            }

            const int64_t done_first = begin - lag, skip = clip(own - done_first);  // pixels of the halo
            if (skip < count) {
                const int64_t sample = done_first + skip - own;
                for (int q = 0; q < slope_count(both); q++)
                    blur_slopes<T, R, Step>(taps, d.columns[q] + skip * kStrip, count - skip, step, mask,
                                            d.rows[q] + slot * d.pitch, d.pitch, sample);
                const int64_t done = cols * step - sample < count - skip ? cols * step - sample : count - skip;
                for (int64_t i = 0; i < done && top < bottom; i += kLanes<T>)
                    combine_slopes<T, R, both>(taps, d, slot, sample + i, static_cast<T>(task.scale),
                                               b.u + skip - lag + i, b.v + skip - lag + i, pitch, d.out_x + i,
                                               d.out_y + i);
                if (done > 0 && top < bottom) {
                    const Block block = {row + top, bottom - top, p.col_begin + sample / step, done / step};
                    save_block<T>(task.grad_x, s, block, d.out_x + top * kWidestChunk, kWidestChunk);
                    if constexpr (both)
                        save_block<T>(task.grad_y, s, block, d.out_y + top * kWidestChunk, kWidestChunk);
                }
            }
            for (int q = 0; q < 4; q++) keep_history<T>(b.columns[q], chunk, history);
            for (int q = 0; q < slope_count(both); q++) keep_history<T>(d.columns[q], chunk, lag);
            for (int64_t r = 0; r < kStrip; r++)
                for (int64_t i = -lag; i < 0; i += kLanes<T>) {
                    store(b.u + r * pitch + i, load(b.u + r * pitch + chunk + i));
                    store(b.v + r * pitch + i, load(b.v + r * pitch + chunk + i));
                }
        }
        for (int64_t r = 0; r < kStrip; r++)
            if (mask[r] && row + r >= p.row_begin)
                for (int c = 0; c < step; c++) task.sums[c] += sums[c][r];
    }
}

template <class T, int R, int Step>
void gradient_with(const GradientTask& task) {
    const bool both = task.grad_y.data != nullptr;
    if (task.formula->luminance)
        both ? gradient_of<T, R, Step, true, true>(task) : gradient_of<T, R, Step, true, false>(task);
    else both ? gradient_of<T, R, Step, false, true>(task) : gradient_of<T, R, Step, false, false>(task);
}

template <class T>
void gradient(const GradientTask& task) {
    const bool eleven = task.formula->window.reach == 5;
    switch (task.source.step) {
        case 1: return eleven ? gradient_with<T, 5, 1>(task) : gradient_with<T, -1, 1>(task);
        case 3: return eleven ? gradient_with<T, 5, 3>(task) : gradient_with<T, -1, 3>(task);
        default: return eleven ? gradient_with<T, 5, 0>(task) : gradient_with<T, -1, 0>(task);
    }
}

}  // namespace
