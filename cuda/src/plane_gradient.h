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
    TileGrid positions;  // whose sums it leaves
    double* sums;        // [plane][tile], of the formula's value
    void* frames;
    void* slopes;
    int64_t slope_planes;
};

/// Working memory, whichever gradients are wanted.
GradientWork gradient_work(Pieces& pieces, const PlaneGradient& g);

void start_gradient(const PlaneGradient& g, const GradientWork& work, cudaStream_t stream);

}  // namespace limen::cuda
