// SSIM of planes: what its kernels are given, and which of them runs.
#pragma once

#include "halve.h"
#include "launch.h"
#include "sliding.h"
#include "tile_blur.h"

namespace limen::cuda {

struct ForwardParams {
    Source source;
    TileGrid grid;  // of positions
    Formula formula;
    // Of the formula, for the sliding kernels.
    Taps taps;
    float c1, c2, epsilon;
    double* sums;        // [plane][tile]
    Output map;          // data may be null
    double* absolute;    // [plane][tile], sums of |x - y| by the sliding kernel; may be null
    CoarseScale coarse;  // made by the sliding kernel of cs
    // For a gradient by the general kernels: slopes of the planes from `first_plane` on, [quantity][plane][position], times the weights.
    void* slopes;
    int quantities;  // 3 for one gradient, 4 for both
    int first_plane;
    int64_t slope_planes;
    Output weights;  // data may be null
};

/// Which kernels a call takes.
struct Engine {
    bool sliding;  // 11 taps, float32
    bool wide;     // float64
};
inline Engine engine_for(DType dtype, double data_range, const Convention& convention) {
    const bool wide = is_wide(dtype, data_range, convention);
    return {!wide && convention.size == kTaps, wide};
}

TileGrid forward_grid(const Engine& engine, int64_t planes, int64_t rows, int64_t cols, int together);
TileGrid gradient_grid(int64_t planes, int rows, int cols, int together);

/// With the formula and what follows from it.
ForwardParams forward_params(bool wide, const Source& source, const TileGrid& grid, const Formula& formula,
                             double* sums);

cudaError_t forward(const Engine& engine, const ForwardParams& p, cudaStream_t stream);
cudaError_t forward_sliding(const ForwardParams& p, cudaStream_t stream);
cudaError_t forward_tiles(const ForwardParams& p, bool wide, cudaStream_t stream);

}  // namespace limen::cuda
