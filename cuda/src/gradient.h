// What becomes of a pixel's gradient once its slopes are blurred: shared by all gradient kernels.
#pragma once

#include "launch.h"

namespace limen::cuda {

using detail::Halving;

/// What a plane's gradient is multiplied by: a number, times one from device memory if `data` is given.
struct Factor {
    double value;
    const void* data;
    DType dtype;
    int planes_each;  // planes that share an entry
    int64_t stride, first;

    template <class T>
    __device__ __forceinline__ T of(int plane) const {
        if (!data) return static_cast<T>(value);
        const int64_t at = static_cast<int64_t>(plane / planes_each) * stride + first;
        const double entry = dtype == DType::float64 ? static_cast<const double*>(data)[at]
                                                     : static_cast<double>(static_cast<const float*>(data)[at]);
        return static_cast<T>(value * entry);
    }
};

/// The gradient of the next coarser scale, [plane][row][column], which a halving hands back.
struct CoarseGradient {
    const void* x;  // null: there is none
    const void* y;
    Halving rows, cols;
};

struct GradientOutput {
    Output x, y;  // y.data may be null
    // Where padding repeats pixels, the gradients of all that take part, until fold() adds them up: [image of the pair][plane][pixel of
    // the frame]. Else null.
    void* frames;
    int64_t planes;
    Factor factor;
    CoarseGradient coarse;
    Factor absolute;  // of the gradient of the sum of |x - y|
    bool has_absolute;
};

/// The padded pixels along the border, those that padding makes and those that it can repeat, in the order of their memory: rows at the
/// top, rows at the bottom, and what is left of the columns at both sides.
struct Frame {
    int height, width;             // padded
    int top, bottom, left, right;  // rows and columns of the frame

    __host__ __device__ Frame(int pad, int image_height, int image_width)
        : height(image_height + 2 * pad), width(image_width + 2 * pad) {
        top = min(2 * pad + 1, height);
        bottom = min(2 * pad + 1, height - top);
        left = min(2 * pad + 1, width);
        right = min(2 * pad + 1, width - left);
    }
    __host__ __device__ int64_t pixels() const {
        return static_cast<int64_t>(top + bottom) * width +
               static_cast<int64_t>(height - top - bottom) * (left + right);
    }
    __device__ bool holds(int row, int col) const {
        return row < top || row >= height - bottom || col < left || col >= width - right;
    }
    __device__ int64_t at(int row, int col) const {
        if (row < top) return static_cast<int64_t>(row) * width + col;
        if (row >= height - bottom) return static_cast<int64_t>(row - height + bottom + top) * width + col;
        return static_cast<int64_t>(top + bottom) * width + static_cast<int64_t>(row - top) * (left + right) +
               (col < left ? col : col - width + right + left);
    }
    __device__ void locate(int64_t i, int& row, int& col) const {
        const int64_t rows = static_cast<int64_t>(top + bottom) * width;
        if (i < rows) {
            row = static_cast<int>(i / width), col = static_cast<int>(i % width);
            if (row >= top) row += height - bottom - top;
        } else {
            row = static_cast<int>((i - rows) / (left + right)) + top,
            col = static_cast<int>((i - rows) % (left + right));
            if (col >= left) col += width - right - left;
        }
    }
};

// Which part of its coarse pixel a fine pixel takes along one axis.
template <class T>
__device__ __forceinline__ T share(const Halving& h, int p) {
    if ((p + h.start) / 2 >= h.coarse) return 0;
    return (h.first_twice && p == 0) || (h.last_twice && p == h.fine - 1) ? T(1) : T(0.5);
}

/// Adds to a pixel's gradient what its coarse pixel hands back.
template <class T>
__device__ __forceinline__ void add_coarse(const CoarseGradient& c, int plane, int row, int col, bool both, T& gx,
                                           T& gy) {
    const T part = share<T>(c.rows, row) * share<T>(c.cols, col);
    if (part == 0) return;
    const int64_t at = (static_cast<int64_t>(plane) * c.rows.coarse + (row + c.rows.start) / 2) * c.cols.coarse +
                       (col + c.cols.start) / 2;
    gx += part * static_cast<const T*>(c.x)[at];
    if (both) gy += part * static_cast<const T*>(c.y)[at];
}

/// The slope of |x - y| at a pixel of the image. Not of the centered pair, whose rounding could take an equal one apart.
template <class T>
__device__ __forceinline__ T sign_of_difference(const Source& s, const PlaneSource& plane, int64_t row, int64_t col) {
    const T x = read_number<T>(plane.x, row * s.x_row + col * s.x_column, s.dtype, s.bytes),
            y = read_number<T>(plane.y, row * s.y_row + col * s.y_column, s.dtype, s.bytes);
    return x > y ? T(1) : x < y ? T(-1) : T(0);
}

/// Writes the gradient of padded pixel (row, col), already multiplied and with what coarser scales hand back.
template <class T>
__device__ __forceinline__ void put_whole_gradient(const GradientOutput& out, const Source& s, int plane, int row,
                                                   int col, T gx, T gy) {
    const int r = row - s.pad, c = col - s.pad;
    const bool both = out.y.data != nullptr, inside = r >= 0 && r < s.height && c >= 0 && c < s.width;
    if (out.frames) {
        const Frame frame(s.pad, s.height, s.width);
        if (frame.holds(row, col)) {
            const int64_t at = plane * frame.pixels() + frame.at(row, col);
            static_cast<T*>(out.frames)[at] = gx;
            if (both) static_cast<T*>(out.frames)[out.planes * frame.pixels() + at] = gy;
            return;
        }
    }
    if (!inside) return;  // a zero
    out.x.write(out.x.plane(plane) + r * out.x.row + c * out.x.column, gx);
    if (both) out.y.write(out.y.plane(plane) + r * out.y.row + c * out.y.column, gy);
}

/// The same, with those of coarser scales yet to come.
template <class T>
__device__ __forceinline__ void put_gradient(const GradientOutput& out, const Source& s, int plane, int row, int col,
                                             T gx, T gy) {
    const int r = row - s.pad, c = col - s.pad;
    if (out.coarse.x && r >= 0 && r < s.height && c >= 0 && c < s.width)
        add_coarse<T>(out.coarse, plane, r, c, out.y.data != nullptr, gx, gy);
    put_whole_gradient<T>(out, s, plane, row, col, gx, gy);
}

/// Writes the gradients of pixels that padding repeats, from the frames.
struct FoldParams {
    int pad, height, width;
    Border border;
    int64_t planes;
    int images;  // gradients
    const void* frames;
    Output out[2];
};
cudaError_t fold(const FoldParams& p, bool wide, cudaStream_t stream);

/// The last step of a gradient by the general kernels, from slopes that forward() has made.
struct AdjointParams {
    Source source;
    TileGrid grid;  // of padded pixels
    detail::Window window;
    int position_rows, position_cols;
    const void* slopes;
    int first_plane;
    int64_t slope_planes;
    GradientOutput out;
};
cudaError_t adjoint_tiles(const AdjointParams& p, bool wide, cudaStream_t stream);

}  // namespace limen::cuda
