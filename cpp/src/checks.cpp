#include "checks.h"

#include "kernels.h"

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace limen::detail {
namespace {

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
    std::ostringstream message;
    (message << ... << parts);
    throw std::invalid_argument(message.str());
}

const char* name_of(DType dtype) {
    switch (dtype) {
        case DType::uint8: return "uint8";
        case DType::uint16: return "uint16";
        case DType::float16: return "float16";
        case DType::bfloat16: return "bfloat16";
        case DType::float32: return "float32";
        case DType::float64: return "float64";
    }
    return "unknown";
}

template <class View>
std::string shape_of(const View& v) {
    std::ostringstream shape;
    shape << v.batch << " x " << v.channels << " x " << v.height << " x " << v.width
          << " (batch x channels x height x width)";
    return shape.str();
}

void check_same(const char* a, const ImageView& x, const char* b, const ImageView& y) {
    if (x.dtype != y.dtype)
        refuse(a, " and ", b, " must have the same dtype; got ", name_of(x.dtype), " and ", name_of(y.dtype));
    if (x.batch != y.batch || x.channels != y.channels || x.height != y.height || x.width != y.width)
        refuse(a, " and ", b, " must have the same shape; got ", shape_of(x), " and ", shape_of(y));
    if (x.batch < 1 || x.channels < 1 || x.height < 1 || x.width < 1)
        refuse(a, " and ", b, " must not be empty; got ", shape_of(x));
    if (!x.data) refuse(a, " has no data: its pointer is null");
    if (!y.data) refuse(b, " has no data: its pointer is null");
}

}  // namespace

void check_pair(const ImageView& x, const ImageView& y) { check_same("x", x, "y", y); }

void check_data_range(double data_range, DType dtype) {
    if (!(data_range > 0) || std::isinf(data_range)) refuse("data_range must be positive and finite; got ", data_range);
    // SSIM's denominators go with its fourth power, which has to be a normal float64.
    if (data_range < 1e-70 || data_range > 1e70) refuse("data_range must be from 1e-70 to 1e70; got ", data_range);
    // float32 images of such a range are computed in float64.
    if (beyond_float32(data_range) && dtype != DType::float32 && dtype != DType::float64)
        refuse("data_range must be from 1e-07 to 1e+08 for ", name_of(dtype), " images; got ", data_range,
               ". float32 images take any");
}

void check_convention(const Convention& c) {
    if (c.size < 3 || c.size % 2 == 0 || c.size > 2 * kMaxReach + 1)
        refuse("convention.size must be odd, from 3 to ", 2 * kMaxReach + 1, "; got ", c.size);
    // The window is its middle tap far above this; its square is divided by.
    constexpr double least_sigma = 0.001;
    if (c.window == WindowShape::gaussian && !(c.sigma >= least_sigma && std::isfinite(c.sigma)))
        refuse("convention.sigma must be finite and at least ", least_sigma, "; got ", c.sigma);
    const struct {
        const char* name;
        double value;
    } numbers[] = {{"k1", c.k1}, {"k2", c.k2}, {"epsilon", c.epsilon}};
    for (const auto& n : numbers)
        if (!(n.value >= 0 && std::isfinite(n.value)))
            refuse("convention.", n.name, " must be finite and not negative; got ", n.value);
    // With the largest data range of float32, 1e8, C1 C2 is a float32 still.
    constexpr double largest_k = 10;
    if (c.k1 > largest_k || c.k2 > largest_k)
        refuse("convention.k1 and convention.k2 must be at most ", largest_k, "; got ", c.k1, " and ", c.k2);
    if (c.scales < 1 || c.scales > Convention::max_scales)
        refuse("convention.weights must have 1 to ", Convention::max_scales, " exponents; got ", c.scales);
    for (int j = 0; j < c.scales; j++) {
        const double w = c.weights[static_cast<std::size_t>(j)];
        if (!(w >= 0 && std::isfinite(w)))
            refuse("convention.weights must be finite and not negative; got ", w, " at scale ", j);
    }
}

void check_sides(const ImageView& x, std::int64_t needed, const char* metric) {
    if (x.height < needed || x.width < needed)
        refuse("height and width must be at least ", needed, " for ", metric, " with this convention; got ", x.height,
               " x ", x.width);
}

void check_weights(const ImageView& weights, const ImageView& x, std::int64_t height, std::int64_t width) {
    if (weights.dtype != DType::float32 && weights.dtype != DType::float64)
        refuse("weights must be float32 or float64; got ", name_of(weights.dtype));
    if (weights.batch != x.batch || weights.channels != x.channels || weights.height != height ||
        weights.width != width)
        refuse("weights must have the shape ", x.batch, " x ", x.channels, " x ", height, " x ", width, "; got ",
               shape_of(weights));
    if (!weights.data) refuse("weights has no data: its pointer is null");
}

void check_output(const char* name, const OutputView& out, const ImageView& x, std::int64_t height,
                  std::int64_t width) {
    if (out.dtype == DType::uint8 || out.dtype == DType::uint16)
        refuse(name, " must be floating-point; got ", name_of(out.dtype));
    if (out.batch != x.batch || out.channels != x.channels || out.height != height || out.width != width)
        refuse(name, " must have the shape ", x.batch, " x ", x.channels, " x ", height, " x ", width, "; got ",
               shape_of(out));
    if (!out.data) refuse(name, " has no data: its pointer is null");
}

void check_map(const OutputView& map, const ImageView& x, std::int64_t height, std::int64_t width) {
    check_output("map", map, x, height, width);
    if (map.dtype != DType::float32 && map.dtype != DType::float64)
        refuse("map must be float32 or float64; got ", name_of(map.dtype));
}

void check_features(const ImageView& f0, const ImageView& f1) {
    check_same("f0", f0, "f1", f1);
    if (f0.dtype == DType::uint8 || f0.dtype == DType::uint16)
        refuse("f0 and f1 must be floating-point; got ", name_of(f0.dtype));
}

void check_channel_weights(const double* weight, std::int64_t channels) {
    for (std::int64_t c = 0; c < channels; c++)
        if (!(weight[c] >= 0 && weight[c] <= static_cast<double>(std::numeric_limits<float>::max())))
            refuse("weight must be finite in float32 and not negative; got ", weight[c], " for channel ", c);
}

void check_positions(const char* name, const void* data, DType dtype, const std::array<std::int64_t, 4>& shape,
                     const ImageView& f0, std::int64_t channels) {
    if (dtype != DType::float32 && dtype != DType::float64)
        refuse(name, " must be float32 or float64; got ", name_of(dtype));
    if (shape != std::array{f0.batch, channels, f0.height, f0.width})
        refuse(name, " must have the shape ", f0.batch, " x ", channels, " x ", f0.height, " x ", f0.width, "; got ",
               shape[0], " x ", shape[1], " x ", shape[2], " x ", shape[3], " (batch x channels x height x width)");
    if (!data) refuse(name, " has no data: its pointer is null");
}

}  // namespace limen::detail
