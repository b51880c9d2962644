// Convention::auto_downsample: SSIM of means over f x f blocks.
#pragma once

#include <limen/convention.hpp>
#include <limen/image.hpp>

#include <vector>

namespace limen::detail {

/// The pair's block means, or, where the factor is 1, the pair.
class Downsampled {
  public:
    Downsampled(const ImageView& x, const ImageView& y, const Convention& convention);
    std::int64_t factor;
    ImageView x, y;

  private:
    std::vector<char> memory_x_, memory_y_;
};

/// A gradient with respect to block means, in float32 at least, to be spread over the blocks' pixels.
class DownsampledGradient {
  public:
    DownsampledGradient(const ImageView& small, const OutputView* full);
    const OutputView* view() const { return full_ ? &small_ : nullptr; }
    void spread(std::int64_t factor) const;

  private:
    const OutputView* full_;
    OutputView small_;
    std::vector<char> memory_;
};

/// f of an image of this size.
std::int64_t downsample_factor(const Convention& convention, std::int64_t height, std::int64_t width);

}  // namespace limen::detail
