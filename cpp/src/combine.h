// From the mean of every scale to MS-SSIM, and back.
#pragma once

#include "../math/ms_ssim_math.h"

#include <limen/convention.hpp>

namespace limen::detail {

/// prod v_j^w_j. `slopes`, if given, receives its derivative with respect to each v_j.
inline double combine(const Convention& c, const double* v, double* slopes) {
    const auto product = [&](int scale) {
        return product_of_scales(
            c.scales, c.weights.data(), c.negative == Negative::clamp, [v](int k) { return v[k]; }, scale);
    };
    for (int j = 0; slopes && j < c.scales; j++) slopes[j] = product(j);
    return product(-1);
}

}  // namespace limen::detail
