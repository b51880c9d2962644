// From the means of all scales to MS-SSIM and the slopes of its gradient.
#pragma once

#include "gradient.h"

namespace limen::cuda {

struct CombineParams {
    const double* means;  // [plane][scale]
    int planes, channels, scales;
    double weights[Convention::max_scales];
    bool clamp;         // negative means
    bool joint;         // channels are averaged before the product
    bool per_channel;   // a score for each
    void* scores;       // may be null
    void* scale_means;  // [score][scale], may be null
    DType score_dtype, scale_dtype;
    double* slopes;  // [plane][scale], of the scores times the upstream factors; may be null
    Factor factor;
};
cudaError_t combine(const CombineParams& p, cudaStream_t stream);

}  // namespace limen::cuda
