#include "halve.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128, kLines = 128;

// A block does some rows of a plane.
template <class T>
__global__ void __launch_bounds__(kThreads, 1) halve_kernel(const __grid_constant__ HalveParams p) {
    Source s = p.source;
    s.border = p.zero ? Border::zero : Border::clamp;
    const int index = blockIdx.x;
    const PlaneSource plane = plane_of(s, index);
    Center<T> center = {};
    if (p.centers && !s.centers) {
        center = center_of<T>(s, plane, 0, s.height, 0, s.width);
        if (blockIdx.y == 0 && threadIdx.x == 0) {
            p.centers[2 * index] = static_cast<double>(center.u);
            p.centers[2 * index + 1] = static_cast<double>(center.v);
        }
    }
    for (int row = blockIdx.y; row < p.rows.coarse; row += gridDim.y)
        for (int col = threadIdx.x; col < p.cols.coarse; col += kThreads) {
            T sum_u = 0, sum_v = 0;
#pragma unroll
            for (int k = 0; k < 4; k++) {
                T u, v;
                read_pair<T>(s, plane, center, 2 * row - p.rows.start + k / 2, 2 * col - p.cols.start + k % 2, u, v);
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
