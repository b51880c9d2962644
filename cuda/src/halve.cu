#include "halve.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128, kLines = 128;

// A block does some rows of a plane.
template <class T>
__global__ void __launch_bounds__(kThreads) halve_kernel(const __grid_constant__ HalveParams p) {
    Source s = p.source;
    s.border = p.zero ? Border::zero : Border::clamp;
    const int index = blockIdx.x;
    const PlaneSource plane = plane_of(s, index);
    const Center<T> none = {};
    for (int row = blockIdx.y; row < p.rows.coarse; row += gridDim.y)
        for (int col = threadIdx.x; col < p.cols.coarse; col += kThreads) {
            T sum_u = 0, sum_v = 0;
#pragma unroll 1  // more, and ptxas spills
            for (int k = 0; k < 4; k++) {
                T u, v;
                read_pair<T>(s, plane, none, 2 * row - p.rows.start + k / 2, 2 * col - p.cols.start + k % 2, u, v);
                sum_u += u, sum_v += v;
            }
            const int64_t at = (static_cast<int64_t>(index) * p.rows.coarse + row) * p.cols.coarse + col;
            static_cast<T*>(p.u)[at] = T(0.25) * sum_u;
            static_cast<T*>(p.v)[at] = T(0.25) * sum_v;
        }
}

}  // namespace

cudaError_t halve(const HalveParams& p, int64_t planes, bool wide, cudaStream_t stream) {
    const int64_t rows = p.rows.coarse;
    const dim3 grid(static_cast<unsigned>(planes), static_cast<unsigned>(rows < kLines ? rows : kLines));
    return launch(wide ? halve_kernel<double> : halve_kernel<float>, grid, dim3(kThreads), 0, stream, p);
}

}  // namespace limen::cuda
