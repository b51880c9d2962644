// From the mean of every scale to MS-SSIM, and back.
#pragma once

#include <limen/convention.hpp>

#include <cmath>

namespace limen::detail {

/// v^w, or what `negative` makes of it, and its slope. Both are finite for every finite v: the slope of a clamped mean is zero.
struct Power {
    double value, slope;
};

inline Power power_of(double v, double w, Negative negative) {
    if (std::isnan(v)) return {v, v};
    if (negative == Negative::clamp && v <= 0) return {w == 0 ? 1.0 : 0.0, 0};
    if (v == 0) return {w == 0 ? 1.0 : 0.0, w == 1 ? 1.0 : 0.0};  // other slopes at zero are zero or infinite
    const double magnitude = std::pow(std::fabs(v), w);
    return {v < 0 ? -magnitude : magnitude, w * magnitude / std::fabs(v)};
}

/// prod v_j^w_j. `slopes`, if given, receives its derivative with respect to each v_j, from products of the other factors.
inline double combine(const Convention& c, const double* v, double* slopes) {
    double product = 1;
    for (int j = 0; j < c.scales; j++)
        product *= power_of(v[j], c.weights[static_cast<std::size_t>(j)], c.negative).value;
    for (int j = 0; slopes && j < c.scales; j++) {
        slopes[j] = 1;
        for (int k = 0; k < c.scales; k++) {
            const Power p = power_of(v[k], c.weights[static_cast<std::size_t>(k)], c.negative);
            slopes[j] *= k == j ? p.slope : p.value;
        }
    }
    return product;
}

}  // namespace limen::detail
