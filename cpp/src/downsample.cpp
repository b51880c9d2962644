#include "downsample.h"

#include "numbers.h"
#include "threads.h"

#include <algorithm>
#include <cmath>

namespace limen::detail {
namespace {

std::int64_t offset(const auto& v, std::int64_t b, std::int64_t c, std::int64_t i, std::int64_t j) {
    return b * v.batch_stride + c * v.channel_stride + i * v.row_stride + j * v.column_stride;
}

DType wide(DType dtype) { return dtype == DType::float64 ? DType::float64 : DType::float32; }

std::size_t numbers_of(const ImageView& v) {
    return static_cast<std::size_t>(v.batch * v.channels * v.height * v.width);
}

ImageView means(const ImageView& from, std::int64_t f, std::vector<char>& memory) {
    const DType dtype = wide(from.dtype);
    const std::int64_t height = from.height / f, width = from.width / f;
    memory.resize(static_cast<std::size_t>(from.batch * from.channels * height * width) *
                  (dtype == DType::float64 ? 8 : 4));
    const ImageView to = ImageView::planar(memory.data(), dtype, height, width, from.channels, from.batch);
    parallel_for(from.batch * from.channels * height, 1, [&](std::int64_t task, void*) {
        const std::int64_t i = task % height, c = task / height % from.channels, b = task / height / from.channels;
        for (std::int64_t j = 0; j < width; j++) {
            double sum = 0;
            for (std::int64_t k = 0; k < f * f; k++)
                sum += read_number(from.data, from.dtype, offset(from, b, c, i * f + k / f, j * f + k % f));
            write_number(memory.data(), dtype, offset(to, b, c, i, j), sum / static_cast<double>(f * f));
        }
    });
    return to;
}

}  // namespace

std::int64_t downsample_factor(const Convention& convention, std::int64_t height, std::int64_t width) {
    if (!convention.auto_downsample) return 1;
    // Half to even, as Python rounds.
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::nearbyint(static_cast<double>(std::min(height, width)) / 256)));
}

Downsampled::Downsampled(const ImageView& full_x, const ImageView& full_y, const Convention& convention)
    : factor(downsample_factor(convention, full_x.height, full_x.width)) {
    x = full_x;
    y = full_y;
    if (factor == 1) return;
    x = means(full_x, factor, memory_x_);
    y = means(full_y, factor, memory_y_);
}

DownsampledGradient::DownsampledGradient(const ImageView& small, const OutputView* full) : full_(full) {
    if (!full) return;
    const DType dtype = wide(small.dtype);
    memory_.resize(numbers_of(small) * (dtype == DType::float64 ? 8 : 4));
    small_ = OutputView::planar(memory_.data(), dtype, small.height, small.width, small.channels, small.batch);
}

void DownsampledGradient::spread(std::int64_t f) const {
    if (!full_) return;
    const double share = 1 / static_cast<double>(f * f);
    parallel_for(full_->batch * full_->channels * full_->height, 1, [&](std::int64_t task, void*) {
        const std::int64_t i = task % full_->height, c = task / full_->height % full_->channels,
                           b = task / full_->height / full_->channels;
        for (std::int64_t j = 0; j < full_->width; j++) {
            // Rows and columns behind the last whole block count for nothing.
            const bool inside = i / f < small_.height && j / f < small_.width;
            const double value =
                inside ? share * read_number(small_.data, small_.dtype, offset(small_, b, c, i / f, j / f)) : 0;
            write_number(full_->data, full_->dtype, offset(*full_, b, c, i, j), value);
        }
    });
}

}  // namespace limen::detail
