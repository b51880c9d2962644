#pragma once

#include <cstdint>
#include <limen/dtype.hpp>

namespace limen {

/// A batch of images in the caller's memory, read in place: nothing is copied and nothing is kept after the call.
///
/// Strides are in elements, not bytes, and may be anything: negative for a flipped view, zero for a repeated one. A grey image has
/// one channel; a single image is a batch of one.
struct ImageView {
    const void* data = nullptr;
    DType dtype = DType::float32;
    std::int64_t batch = 1, channels = 1, height = 0, width = 0;
    std::int64_t batch_stride = 0, channel_stride = 0, row_stride = 0, column_stride = 0;

    /// Contiguous (batch, channels, height, width).
    static ImageView planar(const void* data, DType dtype, std::int64_t height, std::int64_t width,
                            std::int64_t channels = 1, std::int64_t batch = 1) {
        return {data, dtype, batch, channels, height, width, channels * height * width, height * width, width, 1};
    }

    /// Contiguous (batch, height, width, channels), as most decoders give.
    static ImageView interleaved(const void* data, DType dtype, std::int64_t height, std::int64_t width,
                                 std::int64_t channels, std::int64_t batch = 1) {
        return {data, dtype, batch, channels, height, width, height * width * channels, 1, width * channels, channels};
    }
};

/// The same over memory that a function fills. Gradients may be float16, bfloat16, float32 or float64, maps float32 or float64;
/// views whose elements overlap give no defined result.
struct OutputView {
    void* data = nullptr;
    DType dtype = DType::float32;
    std::int64_t batch = 1, channels = 1, height = 0, width = 0;
    std::int64_t batch_stride = 0, channel_stride = 0, row_stride = 0, column_stride = 0;

    static OutputView planar(void* data, DType dtype, std::int64_t height, std::int64_t width,
                             std::int64_t channels = 1, std::int64_t batch = 1) {
        return {data, dtype, batch, channels, height, width, channels * height * width, height * width, width, 1};
    }

    static OutputView interleaved(void* data, DType dtype, std::int64_t height, std::int64_t width,
                                  std::int64_t channels, std::int64_t batch = 1) {
        return {data, dtype, batch, channels, height, width, height * width * channels, 1, width * channels, channels};
    }
};

/// What becomes of the channels of an image.
enum class Reduction {
    image,    ///< one score per image, the mean over its channels
    channels  ///< one score per channel
};

}  // namespace limen
