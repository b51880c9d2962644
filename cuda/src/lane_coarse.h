// What a coarser scale of MS-SSIM adds to adjacent gradients, a few for each lane.
#pragma once

#include "gradient.h"

namespace limen::cuda {

/// What the coarser scale hands back to N columns.
template <int N>
struct Coarse {
    float part;  // of a coarse pixel, for columns that come in pairs
    // Coarse pixels. From an even column on, two columns share one; from an odd one on, the first column has its own.
    float of[N / 2 + 1];
    bool together;  // else columns have to be looked at one by one
};

/// Of row `r` and the columns from `c` on, of the image. `plane` is the coarser scale's.
template <int N>
__device__ __forceinline__ Coarse<N> read_coarse(const CoarseGradient& coarse, const float* plane, int r, int c) {
    Coarse<N> out = {};
    const int width = static_cast<int>(coarse.cols.coarse), start = coarse.cols.start, first = (c + start) / 2,
              row = (r + coarse.rows.start) / 2;
    out.together = c > 0 && c + N < static_cast<int>(coarse.cols.fine) && first + N / 2 < width &&
                   row < static_cast<int>(coarse.rows.coarse);
    if (!out.together) return out;
    out.part = 0.5f * share<float>(coarse.rows, r);
    const float* const of = plane + (static_cast<int64_t>(row) * width + first);
#pragma unroll
    for (int j = 0; j < N / 2; j++) out.of[j] = of[j];
    if (start) out.of[N / 2] = of[N / 2];
    return out;
}

/// Adds it to the columns from `c` of the image on.
template <int N>
__device__ __forceinline__ void add_coarse(const CoarseGradient& coarse, const float* plane, int r, int c,
                                           const Coarse<N>& read, float (&value)[N]) {
    const int start = coarse.cols.start;
    if (N > 1 && read.together) {
#pragma unroll
        for (int j = 0; j < N; j++) value[j] += read.part * (start ? read.of[(j + 1) / 2] : read.of[j / 2]);
        return;
    }
    const float of_row = share<float>(coarse.rows, r);
    const float* const of = plane + static_cast<int64_t>((r + coarse.rows.start) / 2) * coarse.cols.coarse;
#pragma unroll
    for (int j = 0; j < N; j++) {
        if (c + j < 0 || c + j >= coarse.cols.fine) continue;
        const float part = of_row * share<float>(coarse.cols, c + j);
        if (part != 0) value[j] += part * of[(c + j + start) / 2];
    }
}

}  // namespace limen::cuda
