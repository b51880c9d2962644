// Convention::auto_downsample: SSIM of means over f x f blocks.
#pragma once

#include "gradient.h"

namespace limen::cuda {

struct DownsampleParams {
    Source source;
    int64_t planes;
    int factor, height, width;  // of the result
    double part;                // 1 / factor^2
    void* x;                    // [plane][row][column], float32, or float64 for such images
    void* y;
};
cudaError_t downsample(const DownsampleParams& p, bool wide, cudaStream_t stream);

/// Hands gradients of block means to the pixels, which take equal shares; those behind the last whole block take none.
struct SpreadParams {
    Source source;
    int64_t planes;
    int factor, height, width;  // of the means
    double part;
    const void* x;  // [plane][row][column]
    const void* y;
    GradientOutput out;  // absolute and its outputs
};
cudaError_t spread(const SpreadParams& p, bool wide, cudaStream_t stream);

}  // namespace limen::cuda
