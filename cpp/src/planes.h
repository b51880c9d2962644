// Views of images cut into what kernels work on: planes, windows, tasks.
#pragma once

#include "implementations.h"
#include "kernels.h"

#include <algorithm>
#include <cstdint>

#include <limen/convention.hpp>
#include <limen/image.hpp>

namespace limen::detail {

/// The kernels for a call, and how large their numbers are.
struct Engine {
    const KernelsOf* kernels;
    std::size_t number;  // 4 or 8
};
Engine engine_for(DType dtype, double data_range);

/// A batch as planes of `step` interleaved channels each: channels-last memory is read as it lies, all channels in one sweep.
struct Planes {
    int step;
    std::int64_t count;      // batch * channels / step
    std::int64_t per_image;  // channels / step
};
template <class... Outputs>
Planes planes_of(const ImageView& x, const ImageView& y, bool interleave, const Outputs*... outputs) {
    const auto interleaved = [&](const auto& v) { return v.channel_stride == 1 && v.column_stride == v.channels; };
    // An output only has to keep its samples evenly spaced.
    [[maybe_unused]] const auto even = [&](const auto* v) {
        return !v || v->column_stride == v->channels * v->channel_stride;
    };
    if (interleave && x.channels > 1 && x.channels <= kMaxInterleave && interleaved(x) && interleaved(y) &&
        (even(outputs) && ...))
        return {static_cast<int>(x.channels), x.batch, 1};
    return {1, x.batch * x.channels, x.channels};
}

/// Plane `i`, unpadded and not centred.
PairSource source_of(const ImageView& x, const ImageView& y, const Planes& planes, std::int64_t i);

/// Plane `i` of what a kernel writes or takes as weights.
template <class View>
Plane plane_of(const View* v, const Planes& planes, std::int64_t i) {
    if (!v) return {nullptr, 0, 0, DType::float32};
    const std::int64_t size = v->dtype == DType::float64 ? 8 : v->dtype == DType::float32 ? 4 : 2;
    const std::int64_t offset = i / planes.per_image * v->batch_stride + i % planes.per_image * v->channel_stride;
    auto* bytes = static_cast<const char*>(v->data) + offset * size;
    return {const_cast<char*>(bytes), v->row_stride, planes.step > 1 ? v->channel_stride : v->column_stride, v->dtype};
}

/// Whether a padding shows pixels a second time: their gradient then has more than one part.
inline bool folds(Padding padding) { return padding != Padding::valid && padding != Padding::zero; }

/// Fills a region of an output with zeros, for parts of a gradient to be added.
void clear(const Plane& out, const Region& pixels, int step);

/// Sets the centres to the images' means over a grid of pixels of the region (unpadded), without those that lie far beyond the data range: a
/// few numbers are enough, since any constant will do and only closeness helps.
void centre(PairSource& source, const Region& region, double data_range);

/// The part of a padded region that lies on a plane of height x width pixels.
inline Region unpadded(const Region& r, int pad, std::int64_t height, std::int64_t width) {
    const auto clip = [pad](std::int64_t i, std::int64_t n) { return std::clamp<std::int64_t>(i - pad, 0, n); };
    return {clip(r.row_begin, height), clip(r.row_end, height), clip(r.col_begin, width), clip(r.col_end, width)};
}

Formula formula_of(const Convention& convention, double data_range, bool luminance);

/// Padding as kernels take it.
void pad(PairSource& source, Padding padding, int reach);

/// The padded pixels that the windows of a region of positions see.
inline Region seen(const Region& positions, int reach) {
    return {positions.row_begin, positions.row_end + 2 * reach, positions.col_begin, positions.col_end + 2 * reach};
}

/// Positions along an axis of n pixels.
inline std::int64_t positions(std::int64_t n, Padding padding, int size) {
    return padding == Padding::valid ? n - size + 1 : n;
}

/// The shortest side that has a position; a mirror shows no more than there is before it.
inline std::int64_t shortest_side(Padding padding, int size) {
    switch (padding) {
        case Padding::valid: return size;
        case Padding::reflect: return size / 2 + 1;
        case Padding::symmetric: return size / 2;
        default: return 1;
    }
}

/// Pieces of at most `most` that n pixels, or none, are cut into.
inline std::int64_t pieces(std::int64_t n, std::int64_t most) { return std::max<std::int64_t>(n - 1, 0) / most + 1; }

/// A plane of rows x cols cut into tiles of about the given size, in a fixed order.
struct Tiles {
    std::int64_t rows, cols, tile_rows, tile_cols, down, across;

    Tiles(std::int64_t rows_, std::int64_t cols_, std::int64_t most_rows, std::int64_t most_cols)
        : rows(rows_), cols(cols_), tile_rows(most_rows) {
        down = pieces(rows, tile_rows);
        across = pieces(cols, most_cols);
        tile_cols = (cols + across - 1) / across;
    }
    std::int64_t count() const { return down * across; }
    Region operator[](std::int64_t i) const {
        const std::int64_t r = i / across, c = i % across;
        return {r * tile_rows, r + 1 == down ? rows : (r + 1) * tile_rows, c * cols / across, (c + 1) * cols / across};
    }
};

/// Columns of a forward task: wide, since every row's first chunk comes unannounced.
inline std::int64_t forward_columns(int step) { return 2048 / step; }

}  // namespace limen::detail
