// The next scale of MS-SSIM: means over 2 x 2 pixels, in u and v.
#pragma once

#include "launch.h"
#include "scales.h"

namespace limen::cuda {

/// Of the sliding kernels.
struct CoarseScale {
    detail::Halving rows, cols;
    bool zero;        // what lies beyond the border is zero
    double* centers;  // as below
    float* u;         // null: there is no coarser scale
    float* v;
};

struct HalveParams {
    Source source;  // unpadded
    detail::Halving rows, cols;
    bool zero;  // what lies beyond the border is zero
    // [plane][2]: what is subtracted, the plane's own center, and written here if the source has none. Null where padding with zeros needs
    // zeros.
    double* centers;
    void* u;  // [plane][row][column], float32 or float64
    void* v;
};
cudaError_t halve(const HalveParams& p, int64_t planes, bool wide, cudaStream_t stream);

}  // namespace limen::cuda
