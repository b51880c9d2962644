#include "downsample.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128, kLines = 1024;

// A block does some rows of a plane.
template <class T>
__global__ void __launch_bounds__(kThreads, 1) downsample_kernel(const __grid_constant__ DownsampleParams p) {
    const Source& s = p.source;
    const int index = blockIdx.x;
    const PlaneSource plane = plane_of(s, index);
    for (int64_t row = blockIdx.y; row < p.height; row += gridDim.y) {
        const int64_t line = static_cast<int64_t>(index) * p.height + row;
        for (int64_t col = threadIdx.x; col < p.width; col += kThreads) {
            double x = 0, y = 0;  // as on the CPU; few images are
            for (int64_t r = row * p.factor; r < (row + 1) * p.factor; r++)
                for (int64_t c = col * p.factor; c < (col + 1) * p.factor; c++) {
                    x += read_number<double>(plane.x, r * s.x_row + c * s.x_column, s.dtype, s.bytes);
                    y += read_number<double>(plane.y, r * s.y_row + c * s.y_column, s.dtype, s.bytes);
                }
            static_cast<T*>(p.x)[line * p.width + col] = static_cast<T>(x * p.part);
            static_cast<T*>(p.y)[line * p.width + col] = static_cast<T>(y * p.part);
        }
    }
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1) spread_kernel(const __grid_constant__ SpreadParams p) {
    const Source& s = p.source;
    const T part = static_cast<T>(p.part);
    const int index = blockIdx.x;
    const PlaneSource plane = plane_of(s, index);
    const T absolute = p.out.has_absolute ? p.out.absolute.template of<T>(index) : T(0);
    for (int row = blockIdx.y; row < s.height; row += gridDim.y) {
        for (int col = static_cast<int>(threadIdx.x); col < s.width; col += kThreads) {
            T gx = 0, gy = 0;
            if (row / p.factor < p.height && col / p.factor < p.width) {
                const int64_t at = (static_cast<int64_t>(index) * p.height + row / p.factor) * p.width + col / p.factor;
                gx = part * static_cast<const T*>(p.x)[at];
                if (p.out.y.data) gy = part * static_cast<const T*>(p.y)[at];
            }
            if (p.out.has_absolute) {
                const T slope = absolute * sign_of_difference<T>(s, plane, row, col);
                gx += slope, gy -= slope;
            }
            put_gradient<T>(p.out, s, index, row, col, gx, gy);
        }
    }
}

dim3 grid_of(int64_t planes, int height) {
    return dim3(static_cast<unsigned>(planes), static_cast<unsigned>(height < kLines ? height : kLines));
}

}  // namespace

cudaError_t downsample(const DownsampleParams& p, bool wide, cudaStream_t stream) {
    const dim3 grid = grid_of(p.planes, p.height), block(kThreads);
    return wide ? launch(downsample_kernel<double>, grid, block, 0, stream, p)
                : launch(downsample_kernel<float>, grid, block, 0, stream, p);
}

cudaError_t spread(const SpreadParams& p, bool wide, cudaStream_t stream) {
    const dim3 grid = grid_of(p.planes, p.source.height), block(kThreads);
    return wide ? launch(spread_kernel<double>, grid, block, 0, stream, p)
                : launch(spread_kernel<float>, grid, block, 0, stream, p);
}

}  // namespace limen::cuda
