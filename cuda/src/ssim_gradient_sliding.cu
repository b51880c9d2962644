// The gradient of SSIM by 11 taps in one sweep: means, slopes and their blur, nothing stored between them.
//
// Half of a block's warps slide down the images as in ssim_sliding.cu and leave slopes where that kernel adds up values. The other half
// slides down the slopes in the same way, a few rows behind, and leaves gradients; having less to do, it makes some of the slopes, too.
// Either half stops for the other only if that one is two groups of rows away.
#include "gradient_adjoint.h"

namespace limen::cuda {
namespace {

using namespace sliding_gradient;

template <bool luminance, int Q, Pixels kind>
__global__ void __launch_bounds__(kThreads, kGradientBlocks)
    gradient_kernel(const __grid_constant__ SlidingGradientParams p) {
    const Shared<Q, kind, kSlots<Q>> shared(shared_memory<char>());
    // From one lane, so that the compiler sees that all have the same.
    const int warps = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0), warp = warps % kGateWarps;
    const bool forward = warps < static_cast<int>(kGateWarps);  // else the adjoint
    const int thread = threadIdx.x % kSlideThreads, lane = thread % 32;
    const Gates gates(shared.gates);
    {
        const BlockState state = state_of<Q, kind>(p);
        if (threadIdx.x == 0) {
            *shared.state = state;
            *shared.params = p;
            shared.moments.open(gates), shared.slopes.open(gates), shared.gradients.open(gates);
        }
        if (forward) {
            shared.columns[thread] =
                ColumnPair<kind>(p.source, state.plane, state.strip + 2 * thread, p.source.width + 2 * p.source.pad);
        }
        if (threadIdx.x < shared.kTotals) shared.totals[threadIdx.x] = {};
    }
    __syncthreads();
    if (forward) make_slopes<luminance>(p, shared, gates, thread, warp, lane);
    else make_gradients<luminance>(p, shared, gates, thread, warp, lane);
    const Tile tile = shared.state->tile;
    const double sum =
        block_sum(threadIdx.x < shared.kTotals ? shared.totals[threadIdx.x].value() : 0, shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = sum;
}

template <bool luminance, int Q, Pixels kind>
cudaError_t start(const SlidingGradientParams& p, cudaStream_t stream) {
    return launch(gradient_kernel<luminance, Q, kind>, dim3(blocks_of(p.grid)), dim3(kThreads),
                  Q == 3 && has_large_shared() ? Shared<Q, kind, 4>::kBytes : Shared<Q, kind, 2>::kBytes, stream, p);
}

template <bool luminance, int Q>
cudaError_t start(const SlidingGradientParams& p, cudaStream_t stream) {
    if (p.source.is_uv) return start<luminance, Q, Pixels::uv>(p, stream);
    return p.source.dtype == DType::float32 ? start<luminance, Q, Pixels::floats>(p, stream)
                                            : start<luminance, Q, Pixels::narrow>(p, stream);
}

}  // namespace

cudaError_t gradient_sliding(const SlidingGradientParams& p, cudaStream_t stream) {
    const bool both = p.out.y.data != nullptr;
    if (p.luminance) return both ? start<true, 4>(p, stream) : start<true, 3>(p, stream);
    return both ? start<false, 4>(p, stream) : start<false, 3>(p, stream);
}

}  // namespace limen::cuda
