// What every public function asks of its arguments. Messages name the argument, the value found and what would do.
#pragma once

#include <array>

#include <limen/convention.hpp>
#include <limen/image.hpp>

namespace limen::detail {

void check_pair(const ImageView& x, const ImageView& y);
void check_data_range(double data_range, DType dtype);

/// Whether float32 does not hold what SSIM computes with: the product of its denominators goes with the fourth power of the data range.
inline bool beyond_float32(double data_range) { return data_range < 1e-7 || data_range > 1e8; }

void check_convention(const Convention& convention);

/// `needed` is the shortest side `metric` takes.
void check_sides(const ImageView& x, std::int64_t needed, const char* metric);

/// An output with the images' batch and channels and `height` x `width` pixels.
void check_output(const char* name, const OutputView& out, const ImageView& x, std::int64_t height, std::int64_t width);
void check_map(const OutputView& map, const ImageView& x, std::int64_t height, std::int64_t width);

/// Weights of an image's positions, of which there are `height` x `width` in each channel.
void check_weights(const ImageView& weights, const ImageView& x, std::int64_t height, std::int64_t width);

/// Maps of features, which are floating-point.
void check_features(const ImageView& f0, const ImageView& f1);

/// One weight for each channel: not negative, and finite in float32, in which most are used.
void check_channel_weights(const double* weight, std::int64_t channels);

/// Numbers of which every position of the features has `channels`, float32 or float64.
void check_positions(const char* name, const void* data, DType dtype, const std::array<std::int64_t, 4>& shape,
                     const ImageView& f0, std::int64_t channels);

}  // namespace limen::detail
