// Gradients of MS-SSIM's scales for a few planes at a time. One sweep finds every scale's mean and the gradient of that mean; when the
// means are known, so are the factors of the gradients, and they are added up from the coarsest scale to the image.
#pragma once

#include "scales.h"
#include "threads.h"

namespace limen::detail {

class PlaneGradients {
  public:
    /// Allocates for `most` planes; outputs are the caller's.
    PlaneGradients(const std::array<Scale, Convention::max_scales>& scales, const Convention& convention,
                   double data_range, const Engine& engine, std::int64_t most, const OutputView& grad_x,
                   const OutputView* grad_y);

    /// Means [plane][scale] of `count` planes from `first` on.
    void differentiate(const ImageView& x, const ImageView& y, std::int64_t first, std::int64_t count,
                       double* means) const;

    /// Writes the planes' gradients, the sum over scales of slopes [plane][scale] times the gradient of the scale's mean.
    void combine(std::int64_t first, std::int64_t count, const double* slopes) const;

  private:
    struct Buffer {
        char* data;
        std::int64_t row;
    };
    enum Content { u, v, gradient_x, gradient_y };

    const Scale& scale(int j) const { return scales_[static_cast<std::size_t>(j)]; }
    Buffer buffer(std::int64_t plane, int j, Content content) const;
    Plane output(const OutputView& out, std::int64_t plane) const;
    Plane gradient_of(std::int64_t plane, std::int64_t first, int j, Content content) const;
    PairSource source(const PairSource& finest, std::int64_t plane, int j) const;

    const std::array<Scale, Convention::max_scales>& scales_;
    const Convention& convention_;
    Engine engine_;
    Formula contrast_, full_;
    OutputView grad_x_, grad_y_;
    bool both_, direct_;  // direct: the finest gradient fits into the output while it waits for its factor
    std::int64_t offsets_[Convention::max_scales], plane_bytes_;
    AlignedBytes memory_;
};

}  // namespace limen::detail
