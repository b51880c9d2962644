// Gradients of MS-SSIM's scales for a few planes at a time. One sweep finds every scale's mean and the gradient of that mean; when the
// means are known, so are the factors of the gradients, and they are added up from the coarsest scale to the image.
#pragma once

#include "scales.h"
#include "threads.h"

namespace limen::detail {

class PlaneGradients {
  public:
    PlaneGradients(const std::array<Scale, Convention::max_scales>& scales, const Convention& convention,
                   double data_range, const Engine& engine, const OutputView& grad_x, const OutputView* grad_y);

    /// Memory for the coarser scales of that many planes, aligned as scratch memory is.
    std::size_t bytes(std::int64_t planes) const { return static_cast<std::size_t>(planes * plane_bytes_); }

    /// Means [plane][scale] of `count` planes from `first` on. The memory keeps what combine() needs.
    void differentiate(const ImageView& x, const ImageView& y, std::int64_t first, std::int64_t count, void* memory,
                       double* means) const;

    /// Writes the planes' gradients, the sum over scales of slopes [plane][scale] times the gradient of the scale's mean.
    void combine(std::int64_t first, std::int64_t count, void* memory, const double* slopes) const;

  private:
    struct Buffer {
        char* data;
        std::int64_t row;
    };
    enum Content { u, v, gradient_x, gradient_y };

    const Scale& scale(int j) const { return scales_[static_cast<std::size_t>(j)]; }
    Buffer buffer(void* memory, std::int64_t i, int j, Content content) const;
    Plane output(const OutputView& out, std::int64_t plane) const;
    Plane gradient_of(std::int64_t first, void* memory, std::int64_t i, int j, Content content) const;
    PairSource source(const PairSource& finest, void* memory, std::int64_t i, int j) const;

    const std::array<Scale, Convention::max_scales>& scales_;
    const Convention& convention_;
    double data_range_;
    Engine engine_;
    Formula contrast_, full_;
    OutputView grad_x_, grad_y_;
    bool both_, direct_;  // direct: the finest gradient fits into the output while it waits for its factor
    std::int64_t offsets_[Convention::max_scales], plane_bytes_;
};

}  // namespace limen::detail
