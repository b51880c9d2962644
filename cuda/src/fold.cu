// Padding that repeats pixels gives them a share of the gradient beyond the border. A thread gathers one pixel's, in a fixed order.
#include "gradient.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128;

// Pixels that padding can repeat lie in a band along the border: whole rows first, then what is left of the columns.
struct Band {
    int rows, cols;  // of the image, that are in it
    int64_t pixels;

    __device__ Band(const FoldParams& p) {
        rows = min(p.height, 2 * (p.pad + 1));
        cols = min(p.width, 2 * (p.pad + 1));
        pixels = static_cast<int64_t>(rows) * p.width + static_cast<int64_t>(p.height - rows) * cols;
    }
    __device__ void locate(const FoldParams& p, int64_t i, int& row, int& col) const {
        const int64_t in_rows = static_cast<int64_t>(rows) * p.width;
        const int top = rows / 2, left = cols / 2;
        if (i < in_rows) {
            row = static_cast<int>(i / p.width), col = static_cast<int>(i % p.width);
            if (row >= top) row += p.height - rows;
        } else {
            row = top + static_cast<int>((i - in_rows) / cols), col = static_cast<int>((i - in_rows) % cols);
            if (col >= left) col += p.width - cols;
        }
    }
};

template <class T>
__global__ void __launch_bounds__(kThreads) fold_kernel(const __grid_constant__ FoldParams p) {
    const Band band(p);
    const Frame frame = {p.pad, p.height, p.width};
    const int64_t all = p.planes * p.images * band.pixels;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x); i < all;
         i += static_cast<int64_t>(gridDim.x) * kThreads) {
        const int64_t image_plane = i / band.pixels;
        const int image = image_plane >= p.planes, plane = static_cast<int>(image_plane - image * p.planes);
        int row, col;
        band.locate(p, i - image_plane * band.pixels, row, col);
        const T* const values = static_cast<const T*>(p.frames) + image_plane * frame.pixels();
        const int rows = p.height + 2 * p.pad, cols = p.width + 2 * p.pad;
        // Candidates along an axis: the pads, and the pixel itself.
        const auto candidate = [&](int k, int n, int self) {
            return k < p.pad ? k : k < 2 * p.pad ? k + n : self + p.pad;
        };
        T sum = 0;
        for (int a = 0; a <= 2 * p.pad; a++) {
            const int r = candidate(a, p.height, row);
            if (r >= rows || source_index(r - p.pad, p.height, p.border) != row) continue;
            for (int b = 0; b <= 2 * p.pad; b++) {
                const int c = candidate(b, p.width, col);
                if (c >= cols || source_index(c - p.pad, p.width, p.border) != col) continue;
                if (a < 2 * p.pad || b < 2 * p.pad) sum += values[frame.at(r, c)];
            }
        }
        const Output& out = p.out[image];
        const int64_t at = out.plane(plane) + row * out.row + col * out.column;
        out.write(at, out.template read<T>(at) + sum);
    }
}

}  // namespace

cudaError_t fold(const FoldParams& p, bool wide, cudaStream_t stream) {
    const dim3 grid(1024), block(kThreads);
    return wide ? launch(fold_kernel<double>, grid, block, 0, stream, p)
                : launch(fold_kernel<float>, grid, block, 0, stream, p);
}

}  // namespace limen::cuda
