#include "combine.h"

#include "../../cpp/math/ms_ssim_math.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128;

__device__ __forceinline__ void write(void* data, DType dtype, int64_t at, double value) {
    if (dtype == DType::float64) static_cast<double*>(data)[at] = value;
    else static_cast<float*>(data)[at] = static_cast<float>(value);
}

// Mean of scale k over the channels of image b.
__device__ double mean_of_channels(const CombineParams& p, int image, int k) {
    double sum = 0;
    for (int c = 0; c < p.channels; c++) sum += p.means[(static_cast<int64_t>(image) * p.channels + c) * p.scales + k];
    return sum / p.channels;
}

// The product for a plane or, where its image's channels are averaged first, for that; or its slope.
__device__ double product_for(const CombineParams& p, int plane, bool joint, int scale) {
    return detail::product_of_scales(
        p.scales, p.weights, p.clamp,
        [&](int k) {
            return joint ? mean_of_channels(p, plane / p.channels, k)
                         : p.means[static_cast<int64_t>(plane) * p.scales + k];
        },
        scale);
}

// A thread for every plane's slope, score and mean at one scale.
__global__ void __launch_bounds__(kThreads) combine_kernel(const __grid_constant__ CombineParams p) {
    const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (i >= static_cast<int64_t>(p.planes) * p.scales) return;
    const int plane = static_cast<int>(i / p.scales), k = static_cast<int>(i - static_cast<int64_t>(plane) * p.scales);
    const bool joint = p.joint && !p.per_channel;
    if (p.slopes) {
        const double share = p.per_channel ? 1 : 1.0 / p.channels;
        p.slopes[i] = share * p.factor.of<double>(plane) * product_for(p, plane, joint, k);
    }
    if (p.per_channel) {
        if (p.scores && k == 0) write(p.scores, p.score_dtype, plane, product_for(p, plane, false, -1));
        if (p.scale_means) write(p.scale_means, p.scale_dtype, i, p.means[i]);
        return;
    }
    if (plane % p.channels != 0) return;
    const int image = plane / p.channels;
    if (p.scores && k == 0) {
        double score = 0;
        for (int c = 0; c < (joint ? 1 : p.channels); c++) score += product_for(p, plane + c, joint, -1);
        write(p.scores, p.score_dtype, image, joint ? score : score / p.channels);
    }
    if (p.scale_means)
        write(p.scale_means, p.scale_dtype, static_cast<int64_t>(image) * p.scales + k, mean_of_channels(p, image, k));
}

}  // namespace

cudaError_t combine(const CombineParams& p, cudaStream_t stream) {
    const int64_t threads = static_cast<int64_t>(p.planes) * p.scales;
    return launch(combine_kernel, dim3(static_cast<unsigned>((threads + kThreads - 1) / kThreads)), dim3(kThreads), 0,
                  stream, p);
}

}  // namespace limen::cuda
