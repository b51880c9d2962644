#include "means.h"

#include "sums.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128;

// In thread 0. A thread takes every 128th sum, and the threads' sums are added in a tree: always in this order.
__device__ double mean_of(const double* sums, int64_t count, double divisor, double* shared) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += sums[i];
    return block_sum(sum, shared) / divisor;
}

__global__ void __launch_bounds__(kThreads) mean_kernel(const __grid_constant__ Means p) {
    double* const shared = shared_memory<double>();
    const double planes = static_cast<double>(p.planes_each);
    const int64_t count = p.planes_each * p.tiles, more_count = p.planes_each * p.more_tiles;
    for (int64_t score = blockIdx.x; score < p.scores; score += gridDim.x) {
        const double value = mean_of(p.sums + score * count, count, p.count * planes, shared);
        double more = 0;
        if (p.more) more = mean_of(p.more + score * more_count, more_count, p.more_count * planes, shared);
        if (threadIdx.x != 0) continue;
        const double out = p.psnr_range > 0 ? 10 * log10(p.psnr_range * p.psnr_range / value)
                                            : p.offset + p.scale * value + p.more_scale * more;
        if (p.dtype == DType::float64) static_cast<double*>(p.out)[score * p.stride] = out;
        else static_cast<float*>(p.out)[score * p.stride] = static_cast<float>(out);
    }
}

__global__ void __launch_bounds__(kThreads) scale_mean_kernel(const __grid_constant__ ScaleMeans p) {
    double* const shared = shared_memory<double>();
    for (int64_t i = blockIdx.x; i < p.planes * p.scales; i += gridDim.x) {
        const int64_t plane = i / p.scales;
        const auto& scale = p.scale[i - plane * p.scales];
        const double value = mean_of(scale.sums + plane * scale.tiles, scale.tiles, scale.count, shared);
        if (threadIdx.x == 0) p.out[i] = value;
    }
}

unsigned blocks_for(int64_t numbers) { return static_cast<unsigned>(numbers < 65535 ? numbers : 65535); }

}  // namespace

cudaError_t mean_of_scales(const ScaleMeans& p, cudaStream_t stream) {
    return launch(scale_mean_kernel, dim3(blocks_for(p.planes * p.scales)), dim3(kThreads),
                  kThreads / 32 * sizeof(double), stream, p);
}

cudaError_t mean(const Means& p, cudaStream_t stream) {
    return launch(mean_kernel, dim3(blocks_for(p.scores)), dim3(kThreads), kThreads / 32 * sizeof(double), stream, p);
}

}  // namespace limen::cuda
