// Padding that repeats pixels gives them a share of the gradient beyond the border. A thread gathers one pixel's, in a fixed order.
#include "gradient.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128;

template <class T>
__global__ void __launch_bounds__(kThreads) fold_kernel(const __grid_constant__ FoldParams p) {
    const Frame frame(p.pad, p.height, p.width);
    const int64_t pixels = frame.pixels(), all = p.planes * p.images * pixels;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x); i < all;
         i += static_cast<int64_t>(gridDim.x) * kThreads) {
        const int64_t image_plane = i / pixels;
        const int image = image_plane >= p.planes, plane = static_cast<int>(image_plane - image * p.planes);
        const T* const values = static_cast<const T*>(p.frames) + image_plane * pixels;
        int row, col;
        frame.locate(i - image_plane * pixels, row, col);
        row -= p.pad, col -= p.pad;
        if (row < 0 || row >= p.height || col < 0 || col >= p.width) continue;
        // Padded pixels that stand for this one, along an axis: from the pads, and itself.
        const auto candidate = [&](int k, int n, int self) {
            return (k < p.pad ? k : k < 2 * p.pad ? k + n : self + p.pad) - p.pad;
        };
        T sum = 0;
        for (int a = 0; a <= 2 * p.pad; a++) {
            const int r = candidate(a, p.height, row);
            if (source_index(r, p.height, p.border) != row) continue;
            for (int b = 0; b <= 2 * p.pad; b++) {
                const int c = candidate(b, p.width, col);
                if (source_index(c, p.width, p.border) == col) sum += values[frame.at(r + p.pad, c + p.pad)];
            }
        }
        const Output& out = p.out[image];
        out.write(out.plane(plane) + row * out.row + col * out.column, sum);
    }
}

}  // namespace

cudaError_t fold(const FoldParams& p, bool wide, cudaStream_t stream) {
    const dim3 grid(1024), block(kThreads);
    return wide ? launch(fold_kernel<double>, grid, block, 0, stream, p)
                : launch(fold_kernel<float>, grid, block, 0, stream, p);
}

}  // namespace limen::cuda
