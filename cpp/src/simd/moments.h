// The two passes that turn a pair of planes into windowed means. A strip is kStrip rows of positions, worked on in chunks of
// columns. A block of columns is blurred down its rows and transposed in registers, so that a column of the strip becomes one run of
// kStrip numbers in memory; then the second pass, along the rows, is the same unit-stride sum over columns.
#pragma once

#include "vec.h"  // before the formulas: they call at_least_zero on its vectors

#include "../../math/ssim_math.h"
#include "../scratch.h"
#include "blur.h"
#include "load.h"
#include "transpose.h"

namespace {

// Blurs kLanes columns down the strip: `row(i)` is a column's number in row i. Column i of the result goes to out + i * kStrip.
template <class T, int R, class Row>
LIMEN_INLINE void blur_columns(const Taps<T>& taps, const Row& row, T* out) {
    constexpr int L = kLanes<T>;
    for (int g = 0; g < kStrip; g += L) {
        Vec<T> block[L];
        blur_run<T, R, L>(taps, [&](int i) LIMEN_INLINE_LAMBDA { return row(g + i); }, block);
        transpose<T>(block);
        for (int i = 0; i < L; i++) store(out + i * kStrip + g, block[i]);
    }
}

// A distance between rows that is known when compiling (N > 0), or not.
template <int N>
struct Pitch {
    int64_t value;
    LIMEN_INLINE operator int64_t() const { return N > 0 ? N : value; }
};

// Of a chunk's rows, of which `keep` says whether they keep samples of the chunk before.
template <int R, int Step, bool keep>
LIMEN_INLINE auto chunk_pitch(int reach, int step) {
    constexpr bool known = !keep || (R >= 0 && Step > 0);
    return Pitch<known ? chunk_samples(Step) + (keep ? gradient_lag(R, Step) : 0) : 0>{chunk_samples(step) +
                                                                                       gradient_lag(reach, step)};
}

template <class T, int R, bool square, int N>
__attribute__((noinline)) void blur_rows(const Taps<T>& taps, const T* rows, Pitch<N> pitch, T* out) {
    blur_columns<T, R>(
        taps,
        [&](int i) LIMEN_INLINE_LAMBDA {
            const Vec<T> a = load(rows + i * pitch);
            return square ? unfused(a * a) : a;
        },
        out);
}

// Scratch of a strip, divided as MomentLayout says.
template <class T>
struct MomentBuffers {
    T *u, *v;       // rows of the chunk, behind what is kept of the one before
    T* columns[4];  // blurred u, v, u^2, v^2: history, then the chunk
    T* map;

    MomentBuffers(T* scratch, int reach, int step, int64_t kept) {
        const MomentLayout s = moment_layout(reach, step, kept);
        u = scratch + kept;
        v = u + s.rows;
        for (int q = 0; q < 4; q++) columns[q] = scratch + 2 * s.rows + q * s.columns;
        map = columns[3] + s.columns;
    }
};

// Reads the chunk of a strip whose first row and column are given, and makes the first pass over it. Of a strip of fewer `rows` than
// kStrip no more is read than its windows see: a tile may have no more in memory. `ahead(turn, turns)` is called between blocks, to
// prefetch.
template <class T, int R, int Step, int N, class Ahead>
LIMEN_INLINE void blur_chunk(const Taps<T>& taps, const MomentBuffers<T>& b, Pitch<N> pitch, const PairSource& s,
                             int64_t row, int64_t rows, int64_t col, int64_t samples, const Ahead& ahead) {
    const int64_t history = 2 * static_cast<int64_t>(taps.reach) * s.step;
    const Block block = {row, rows + 2 * taps.reach, col, samples / s.step};
    load_block<T>(s, block, b.u, b.v, pitch);
    for (int64_t i = samples; i % kLanes<T> != 0; i++)  // the last block of columns reads on to a whole vector
        for (int64_t r = 0; r < block.rows; r++) b.u[r * pitch + i] = b.v[r * pitch + i] = 0;
    const int turns = 4 * chunk_samples(Step) / kLanes<T>;
    int64_t turn = 0;
    for (int64_t i = 0; i < samples; i += kLanes<T>) {
        const int64_t to = (history + i) * kStrip;
        ahead(turn++, turns);
        blur_rows<T, R, false>(taps, b.u + i, pitch, b.columns[0] + to);
        ahead(turn++, turns);
        blur_rows<T, R, true>(taps, b.u + i, pitch, b.columns[2] + to);
        ahead(turn++, turns);
        blur_rows<T, R, false>(taps, b.v + i, pitch, b.columns[1] + to);
        ahead(turn++, turns);
        blur_rows<T, R, true>(taps, b.v + i, pitch, b.columns[3] + to);
    }
    for (; turn < turns; turn++) ahead(turn, turns);
}

// The last columns of a chunk become the history of the next.
template <class T>
LIMEN_INLINE void keep_history(T* columns, int64_t chunk, int64_t history) {
    for (int64_t i = 0; i < history * kStrip; i += kLanes<T>) store(columns + i, load(columns + chunk * kStrip + i));
}

// Second pass: moments of `Count` positions `step` columns apart, from column `at` on, for the rows from `g` on.
template <class T, int R, int Count>
LIMEN_INLINE void moments_at(const Taps<T>& taps, const MomentBuffers<T>& b, int64_t at, int g, int step,
                             SsimMoments<Vec<T>> (&m)[Count]) {
    Vec<T> sum[4][Count];
#pragma GCC unroll 4
    for (int q = 0; q < 4; q++) {
        const T* from = b.columns[q] + at * kStrip + g;
        blur_run<T, R, Count>(
            taps, [&](int i) LIMEN_INLINE_LAMBDA { return load(from + static_cast<int64_t>(i) * step * kStrip); },
            sum[q]);
    }
    for (int i = 0; i < Count; i++) m[i] = {sum[0][i], sum[1][i], sum[2][i], sum[3][i]};
}

template <class T>
LIMEN_INLINE SsimConstants<Vec<T>> constants_of(const Formula& f, const Taps<T>& taps, const PairSource& s) {
    const double gain = taps.middle * taps.middle;  // of both passes
    const auto all = [](double value) { return broadcast(static_cast<T>(value)); };
    return {all(gain), all(s.center_u), all(s.center_v), all(f.c1), all(f.c2 / gain), all(f.epsilon / gain)};
}

// Sums of a run of positions are kept in T only for a chunk, then in double.
template <class T>
LIMEN_INLINE void add_lanes(double* sums, Vec<T> values) {
    for (int i = 0; i < kLanes<T>; i++) sums[i] += static_cast<double>(values[i]);
}

}  // namespace
