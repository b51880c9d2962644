// The gradient of planes of one size with respect to one or both images: of SSIM, or of one scale of MS-SSIM.
#pragma once

#include "gradient.h"
#include "ssim_forward.h"

namespace limen::cuda {

struct PlaneGradient {
    Source source;  // padded
    int64_t planes;
    int position_rows, position_cols;
    int together;
    Formula formula;
    Engine engine;
    Output weights;      // of positions; data may be null
    GradientOutput out;  // all but frames
};

struct GradientWork {
    TileGrid grid;  // of positions or, for the sliding kernel, of padded pixels
    double* sums;   // [plane][tile], of the formula's value
    void* frames;
    void* slopes;
    int64_t slope_planes;
};

/// Working memory, whichever gradients are wanted.
GradientWork gradient_work(Pieces& pieces, const PlaneGradient& g);

/// What the sliding kernels are given.
struct SlidingGradientParams {
    Source source;
    TileGrid grid;  // of padded pixels
    int position_rows, position_cols;
    Taps taps;
    float c1, c2, epsilon;
    bool luminance;
    double* sums;  // [plane][tile]
    Output weights;
    GradientOutput out;
    bool quads;  // gradients can be written four at a time, from every fourth column on
    // Pixels (padded) whose gradient nothing is added to afterwards.
    int inner_row_begin, inner_row_end, inner_col_begin, inner_col_end;
};
cudaError_t gradient_sliding(const SlidingGradientParams& p, cudaStream_t stream);

void start_gradient(const PlaneGradient& g, const GradientWork& work, cudaStream_t stream);

}  // namespace limen::cuda
