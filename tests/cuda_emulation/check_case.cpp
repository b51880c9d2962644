#include <algorithm>
#include <cmath>
#include <limen/runtime.hpp>
#include <stdexcept>

#include "check.h"
#include "planes.h"
#include "scales.h"
#include "schedule.h"

namespace check {
namespace {

// Multiplications of the reference, which is quadratic in the window's size, that a case may take.
constexpr std::int64_t kMostWork = 1'500'000;

// About the edges of windows, groups of rows, lanes of columns and strips.
std::int64_t random_side(Random& random, std::int64_t least) {
    const double kind = random.uniform();
    if (kind < 0.6) return random.between(least, least + 34);
    if (kind < 0.9) return random.between(least, std::max<std::int64_t>(least, 90));
    return std::max(least, 64 * random.between(1, 9) + random.between(-12, 12));
}

const char* name_of(DType dtype) {
    static constexpr const char* names[] = {"uint8", "uint16", "float16", "bfloat16", "float32", "float64"};
    return names[static_cast<std::size_t>(dtype)];
}

bool suits(const Shape& shape, const limen::Convention& c, CudaCase::Metric metric) {
    if (metric == CudaCase::Metric::none) return true;
    if (metric == CudaCase::Metric::ssim)
        return std::min(shape.height, shape.width) >= shortest_side(c.padding, c.size);
    try {
        scales_of(limen::ImageView::planar(nullptr, DType::float32, shape.height, shape.width), c);
    } catch (const std::invalid_argument&) {
        return false;
    }
    return true;
}

}  // namespace

CudaCase::CudaCase(const char* family, int index, unsigned schedules)
    : random({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(family[0]),
              static_cast<std::uint32_t>(std::string(family).size())}),
      schedules_(schedules) {}

void CudaCase::draw(Metric metric) {
    draw_convention(metric);
    dtype_ = random.pick(
        {DType::uint8, DType::uint16, DType::float16, DType::bfloat16, DType::float32, DType::float32, DType::float64});
    draw_shape(metric);
    fill();
}

void CudaCase::draw_convention(Metric metric) {
    if (metric == Metric::none) return;
    limen::Convention& c = convention;
    c.size = random.chance(0.6) ? 11 : random.pick({3, 5, 7, 7, 9, 13, 21, 33});
    c.window = random.chance(0.25) ? limen::WindowShape::uniform : limen::WindowShape::gaussian;
    c.sigma = random.chance(0.7) ? 1.5 : random.uniform(0.5, 4);
    c.padding = random.chance(0.4) ? limen::Padding::valid : static_cast<limen::Padding>(random.between(0, 4));
    c.covariance = random.chance(0.3) ? limen::Covariance::sample : limen::Covariance::population;
    c.epsilon = random.chance(0.8) ? 0 : 1e-12;
    if (random.chance(0.1)) c.k2 = random.chance(0.3) ? 0 : 0.1;
    if (random.chance(0.05)) c.k1 = 0;
    note("size", c.size);
    note("window", static_cast<int>(c.window));
    note("sigma", c.sigma);
    note("padding", static_cast<int>(c.padding));
    note("covariance", static_cast<int>(c.covariance));
    note("epsilon", c.epsilon);
    note("k1", c.k1);
    note("k2", c.k2);
    if (metric != Metric::ms_ssim) return;
    c.downsample = static_cast<limen::Downsample>(random.between(0, 3));
    c.negative = random.pick({limen::Negative::clamp, limen::Negative::is_signed});
    c.channels = random.pick({limen::Channels::separate, limen::Channels::joint});
    c.crop_contrast = random.chance(0.3);
    c.scales = static_cast<int>(random.between(1, 5));
    if (random.chance(0.2)) c.weights.fill(1);
    note("downsample", static_cast<int>(c.downsample));
    note("negative", static_cast<int>(c.negative));
    note("channels_mode", static_cast<int>(c.channels));
    note("crop", c.crop_contrast);
    note("scales", c.scales);
    note("weight", c.weights[0]);
}

void CudaCase::draw_shape(Metric metric) {
    const std::int64_t taps = metric == Metric::none ? 1 : std::int64_t{convention.size} * convention.size;
    do {
        // A side that holds a window at the last scale would be too long for the reference when both of many do.
        std::int64_t least =
            metric == Metric::none ? 1 : limen::detail::shortest_side(convention.padding, convention.size);
        if (metric == Metric::ms_ssim) least = std::max<std::int64_t>(1, least - 1) << (convention.scales - 1);
        shape_ = {random.between(1, 3), random.pick<std::int64_t>({1, 1, 2, 3, 3, 4, 5}), random_side(random, least),
                  random_side(random, least)};
        while (shape_.count() * taps > kMostWork && shape_.batch > 1) shape_.batch--;
        while (shape_.count() * taps > kMostWork && shape_.channels > 1) shape_.channels--;
        while (shape_.count() * taps > kMostWork && shape_.height > least) shape_.height--;
        if (metric == Metric::ms_ssim && shape_.count() * taps > 4 * kMostWork) convention.scales = 1;
    } while (!suits(shape_, convention, metric));
    note("batch", shape_.batch);
    note("channels", shape_.channels);
    note("height", shape_.height);
    note("width", shape_.width);
    note("scales", convention.scales);
}

void CudaCase::fill() {
    const bool integers = dtype_ == DType::uint8 || dtype_ == DType::uint16;
    data_range = dtype_ == DType::uint8                            ? 255
                 : dtype_ == DType::uint16                         ? 65535
                 : dtype_ == DType::float32 && random.chance(0.05) ? random.pick({1e-9, 1e10})
                                                                   : random.pick({1.0, 2.0, 255.0});
    const auto like_x = random_arrangement(random, true);
    const auto like_y = random.chance(0.6) ? like_x : random_arrangement(random, true);
    x_ = std::make_unique<Batch>(random, dtype_, shape_, like_x);
    y_ = std::make_unique<Batch>(random, dtype_, shape_, like_y);

    const char* const content = random.pick({"noise", "smooth", "smooth", "flat", "extreme", "bright"});
    const std::string kind = content;
    if (kind == "flat" && convention.k2 == 0)
        note("k2, for flat images", convention.k2 = 0.03);  // with none: nothing over nothing, which rounding decides
    const double phase = random.uniform(), relation = random.uniform(), low = integers || random.chance(0.7) ? 0 : -0.5;
    same_ = relation < 0.1;
    std::int64_t i = 0;
    const auto level = [&](std::int64_t row, std::int64_t col, std::int64_t plane) {
        if (kind == "noise") return random.uniform();
        if (kind == "flat") return std::fmod(phase * static_cast<double>(1 + plane), 1.0);
        if (kind == "extreme") return static_cast<double>(random.between(0, 1));
        if (kind == "bright") return 0.95 + 0.004 * random.uniform();
        return 0.5 +
               0.3 * std::sin(0.13 * static_cast<double>(row) + 0.3 * phase * static_cast<double>(col) +
                              static_cast<double>(plane)) +
               0.15 * std::sin(0.4 * static_cast<double>(row) - 0.17 * static_cast<double>(col)) +
               random.uniform(-0.02, 0.02);
    };
    for (std::int64_t plane = 0; plane < shape_.batch * shape_.channels; plane++)
        for (std::int64_t row = 0; row < shape_.height; row++)
            for (std::int64_t col = 0; col < shape_.width; col++, i++) {
                const double a = level(row, col, plane);
                const double b = relation < 0.5   ? std::clamp(a + random.uniform(-0.05, 0.05), 0.0, 1.0)
                                 : relation < 0.6 ? 1 - a
                                                  : level(row, col, plane + 7);
                x_->set(i, data_range * (a + low));
                y_->set(i, data_range * (b + low));
            }
    broken_ = !integers && random.chance(0.06);
    double broken = 0;
    if (broken_) {
        broken = random.pick<double>({NAN, INFINITY, -INFINITY});
        (random.chance(0.5) ? x_ : y_)->set(random.between(0, shape_.count() - 1), broken);
    }
    note("dtype", name_of(dtype_));
    note("x", check::name_of(like_x));
    note("y", check::name_of(like_y));
    note("range", data_range);
    note("content", content);
    note("relation", relation);
    if (broken_) note("broken", broken);
}

Shape CudaCase::map_shape() const {
    const auto size = convention.map_size(shape_.height, shape_.width);
    return {shape_.batch, shape_.channels, size[0], size[1]};
}

DType CudaCase::gradient_dtype() {
    const DType dtype = random.pick({DType::float16, DType::bfloat16, DType::float32, DType::float32, DType::float64});
    note("gradient", name_of(dtype));
    return dtype;
}

limen::Reduction CudaCase::reduction() {
    const bool each = note("per_channel", random.chance(0.4));
    return each ? limen::Reduction::channels : limen::Reduction::image;
}

std::size_t CudaCase::scores(limen::Reduction reduction) const {
    return static_cast<std::size_t>(shape_.batch * (reduction == limen::Reduction::image ? 1 : shape_.channels));
}

std::unique_ptr<Outputs> CudaCase::run(const std::function<void(Outputs&)>& call) {
    std::unique_ptr<Outputs> first;
    for (unsigned i = 0; i < schedules_; i++) {
        const auto schedule = cuda_emulation::schedule(i);
        cuda_emulation::set_schedule(schedule);
        auto outputs = std::make_unique<Outputs>(random);
        call(*outputs);
        expect(outputs->intact(), "memory beside outputs or workspace was written");
        if (first) expect(first->bytes() == outputs->bytes(), "results differ, " + describe(schedule));
        else first = std::move(outputs);
    }
    return first;
}

CudaCase::Library CudaCase::library(const std::function<std::vector<Numbers>()>& call) {
    Library library;
    limen::set_implementation("scalar");
    library.usual = call();
    limen::set_implementation("reference");
    library.exact = call();
    return library;
}

void CudaCase::compare(const char* what, const Outputs& outputs, std::size_t i, const Library& library,
                       std::size_t which, double scale) {
    const Numbers got = outputs.values(i);
    const Numbers &usual = library.usual[which], &expected = library.exact[which];
    double error = 0, largest = 0;
    for (std::size_t k = 0; k < expected.size(); k++) {
        if (!std::isfinite(expected[k]) || !std::isfinite(usual[k])) continue;
        error = std::max(error, std::fabs(usual[k] - expected[k]));
        largest = std::max(largest, std::fabs(expected[k]));
    }
    const double rounding = number() == DType::float64 ? 0x1p-46 : 0x1p-20;
    const double allowed = 4 * error + rounding * std::max(largest, scale);
    const bool folds = convention.padding != limen::Padding::valid && convention.padding != limen::Padding::zero;
    expect(got.size() == expected.size(), std::string(what) + ": the numbers are not as many");
    for (std::size_t k = 0; k < expected.size() && !failed_; k++) {
        std::ostringstream text;
        text << what << '[' << k << "] is " << got[k] << ", and should be " << expected[k] << " within " << allowed;
        if (got[k] == expected[k]) continue;
        if (!std::isfinite(expected[k])) {
            // Of an infinite pixel comes infinity or NaN, as sums happen to be made.
            expect(broken_ && !std::isfinite(got[k]), text.str());
            continue;
        }
        // Where padding hands gradients back to pixels, these are added up in the output.
        const double tolerance =
            allowed + (folds ? 4 * last_place(outputs.dtype(i), largest) : last_place(outputs.dtype(i), expected[k]));
        const double share = std::fabs(got[k] - expected[k]) / tolerance;
        expect(share <= 1, text.str());
        worst_ = std::max(worst_, share);
    }
}

void CudaCase::near(const char* what, std::int64_t at, double got, double expected, double tolerance) {
    if (failed_) return;
    if (!std::isfinite(expected)) return expect(!std::isfinite(got), std::string(what) + " should not be finite");
    const double share = got == expected ? 0 : std::fabs(got - expected) / tolerance;
    worst_ = std::max(worst_, share);
    if (share <= 1) return;
    std::ostringstream text;
    text << what << '[' << at << "] is " << got << ", and should be " << expected << " within " << tolerance;
    expect(false, text.str());
}

void CudaCase::expect(bool holds, const std::string& otherwise) {
    if (holds || failed_) return;
    failed_ = true;
    text_ << "\n    " << otherwise;
}

void CudaCase::expect_refusal(const char* what, const std::function<void()>& call) {
    try {
        call();
        expect(false, std::string(what) + " was not refused");
    } catch (const std::invalid_argument&) {
    }
}

}  // namespace check
