#include "planes.h"

#include "checks.h"
#include "downsample.h"
#include "numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace limen::detail {

Engine engine_for(DType dtype, double data_range) {
    const Implementation& now = current_implementation();
    const bool wide = now.is_reference || dtype == DType::float64 || beyond_float32(data_range);
    return {wide ? &now.kernels->double_precision : &now.kernels->single_precision,
            wide ? sizeof(double) : sizeof(float)};
}

PairSource source_of(const ImageView& x, const ImageView& y, const Planes& planes, std::int64_t i) {
    static constexpr std::int64_t sizes[] = {1, 2, 2, 2, 4, 8};
    const std::int64_t size = sizes[static_cast<int>(x.dtype)], b = i / planes.per_image, c = i % planes.per_image;
    PairSource s = {};
    s.x = static_cast<const char*>(x.data) + (b * x.batch_stride + c * x.channel_stride) * size;
    s.y = static_cast<const char*>(y.data) + (b * y.batch_stride + c * y.channel_stride) * size;
    s.x_row = x.row_stride;
    s.y_row = y.row_stride;
    s.x_sample = planes.step > 1 ? 1 : x.column_stride;
    s.y_sample = planes.step > 1 ? 1 : y.column_stride;
    s.height = x.height;
    s.width = x.width;
    s.step = planes.step;
    s.border = Border::clamp;
    s.dtype = x.dtype;
    return s;
}

namespace {

constexpr int kGrid = 4;
using Samples = std::array<double, kGrid * kGrid>;

// The mean of what lies no further than `reach` from the median: a few pixels far beyond the data range must not draw the centre away
// from all others.
double typical(const Samples& samples, double reach) {
    Samples sorted = samples;
    const auto end = std::partition(sorted.begin(), sorted.end(), [](double value) { return std::isfinite(value); });
    if (end == sorted.begin()) return 0;
    const auto middle = sorted.begin() + (end - sorted.begin()) / 2;
    std::nth_element(sorted.begin(), middle, end);
    double sum = 0;
    int count = 0;
    for (const double value : samples)
        if (std::abs(value - *middle) <= reach) sum += value, count++;
    return sum / count;
}

// As float32, so that every kernel subtracts the same number.
double as_float(double value) {
    const auto narrow = static_cast<float>(value);
    return std::isfinite(narrow) ? static_cast<double>(narrow) : 0;
}

}  // namespace

void centre(PairSource& s, const Region& region, double data_range) {
    if (region.row_begin == region.row_end || region.col_begin == region.col_end) return;  // nothing but padding
    Samples of_x, of_y;
    for (int k = 0; k < kGrid * kGrid; k++) {
        const int i = k / kGrid, j = k % kGrid;
        const std::int64_t row = region.row_begin + (region.row_end - region.row_begin) * (2 * i + 1) / (2 * kGrid);
        const std::int64_t col = region.col_begin + (region.col_end - region.col_begin) * (2 * j + 1) / (2 * kGrid);
        const std::int64_t sample = col * s.step + (i + j) % s.step;
        of_x[static_cast<std::size_t>(k)] = read_number(s.x, s.dtype, row * s.x_row + sample * s.x_sample);
        of_y[static_cast<std::size_t>(k)] = read_number(s.y, s.dtype, row * s.y_row + sample * s.y_sample);
    }
    const double x = typical(of_x, 2 * data_range), y = typical(of_y, 2 * data_range);
    s.center_u = as_float(x + y);
    s.center_v = as_float(x - y);
}

void clear(const Plane& out, const Region& pixels, int step) {
    if (!out.data) return;
    const std::int64_t size = out.dtype == DType::float64 ? 8 : out.dtype == DType::float32 ? 4 : 2;
    const std::int64_t first = pixels.col_begin * step, last = pixels.col_end * step;
    for (std::int64_t row = pixels.row_begin; row < pixels.row_end; row++) {
        char* const begin = static_cast<char*>(out.data) + row * out.row * size;
        if (out.sample == 1) {
            std::memset(begin + first * size, 0, static_cast<std::size_t>((last - first) * size));
        } else {
            for (std::int64_t i = first; i < last; i++)
                write_number(out.data, out.dtype, row * out.row + i * out.sample, 0);
        }
    }
}

Formula formula_of(const Convention& c, double data_range, bool luminance) {
    Formula f = {};
    f.window.reach = c.size / 2;
    double sum = 0;
    for (int k = 0; k <= f.window.reach; k++) {
        f.window.tap[k] = c.window == WindowShape::uniform ? 1 : std::exp(-0.5 * k * k / (c.sigma * c.sigma));
        sum += k == 0 ? f.window.tap[k] : 2 * f.window.tap[k];
    }
    for (int k = 0; k <= f.window.reach; k++) f.window.tap[k] /= sum;
    const double n = static_cast<double>(c.size) * c.size;
    const double factor = c.covariance == Covariance::sample ? n / (n - 1) : 1;
    f.c1 = 2 * c.k1 * c.k1 * data_range * data_range;
    f.c2 = 2 * c.k2 * c.k2 * data_range * data_range / factor;
    f.epsilon = 4 * c.epsilon / factor;
    f.luminance = luminance;
    return f;
}

void pad(PairSource& s, Padding padding, int reach) {
    s.pad = padding == Padding::valid ? 0 : reach;
    s.border = padding == Padding::zero        ? Border::zero
               : padding == Padding::reflect   ? Border::reflect
               : padding == Padding::symmetric ? Border::symmetric
                                               : Border::clamp;
}

}  // namespace limen::detail

namespace limen {

std::array<std::int64_t, 2> Convention::map_size(std::int64_t height, std::int64_t width) const {
    const std::int64_t f = detail::downsample_factor(*this, height, width);
    return {detail::positions(height / f, padding, size), detail::positions(width / f, padding, size)};
}

}  // namespace limen
