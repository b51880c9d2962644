// Kernels of cuda/src, run on the CPU, against the reference of the C++ library. A case is a pair of batches, a convention and options, all
// drawn from its number.
#pragma once

#include <functional>
#include <limen/convention.hpp>
#include <limen/cuda.hpp>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "batch.h"
#include "outputs.h"

namespace check {

using Numbers = std::vector<double>;

class CudaCase {
  public:
    CudaCase(const char* family, int index, unsigned schedules);

    Random random;
    limen::Convention convention;
    double data_range = 1;

    /// Draws the convention, for MS-SSIM or for SSIM, and two batches that suit it.
    enum class Metric { none, ssim, ms_ssim };
    void draw(Metric metric);

    limen::ImageView x() const { return x_->image(); }
    limen::ImageView y() const { return (same_ ? x_ : y_)->image(); }
    Numbers x_values() const { return x_->values(); }
    Numbers y_values() const { return (same_ ? x_ : y_)->values(); }
    const Shape& shape() const { return x_->shape(); }
    Shape map_shape() const;
    /// float64 for float64 images, else float32.
    DType number() const { return x_->dtype() == DType::float64 ? DType::float64 : DType::float32; }
    DType score_dtype() { return random.pick({DType::float32, DType::float64}); }
    DType gradient_dtype();
    limen::Reduction reduction();
    /// Scores there are with a reduction.
    std::size_t scores(limen::Reduction reduction) const;

    template <class T>
    T note(const char* name, T value) {
        text_ << ' ' << name << '=' << +value;
        return value;
    }
    void note(const char* name, const char* value) { text_ << ' ' << name << '=' << value; }

    /// Calls under several schedules, whose outputs must agree bit for bit and leave their surroundings alone.
    std::unique_ptr<Outputs> run(const std::function<void(Outputs&)>& call);

    /// What `call` has from the library, by its scalar kernels and by its reference.
    struct Library {
        std::vector<Numbers> usual, exact;
    };
    static Library library(const std::function<std::vector<Numbers>()>& call);

    /// Numbers `i` of the kernels and `k` of the library: as exact as its own kernels, four times their largest error, and some
    /// roundings of the largest number beside, or of `scale`.
    void compare(const char* what, const Outputs& outputs, std::size_t i, const Library& library, std::size_t k,
                 double scale = 0);

    /// Number `at` of the kernels. What is not finite need only be so.
    void near(const char* what, std::int64_t at, double got, double expected, double tolerance);

    void expect(bool holds, const std::string& otherwise);
    void expect_refusal(const char* what, const std::function<void()>& call);

    bool failed() const { return failed_; }
    double worst() const { return worst_; }  // error, in units of what is allowed
    std::string text() const { return text_.str(); }

  private:
    void draw_convention(Metric metric);
    void draw_shape(Metric metric);
    void fill();

    unsigned schedules_;
    Shape shape_ = {};
    DType dtype_ = DType::float32;
    std::unique_ptr<Batch> x_, y_;
    bool same_ = false, broken_ = false;
    std::ostringstream text_;
    bool failed_ = false;
    double worst_ = 0;
};

void check_features(CudaCase&);
void check_pixel_errors(CudaCase&);
void check_refusals(CudaCase&);
void check_ssim(CudaCase&);
void check_ssim_gradient(CudaCase&);
void check_ms_ssim(CudaCase&);
void check_ms_ssim_gradient(CudaCase&);
void check_l1_ssim(CudaCase&);
void check_l1_ssim_gradient(CudaCase&);

}  // namespace check
