// How the mean of every scale enters MS-SSIM, and back, for the CPU and for CUDA.
#pragma once

#include <math.h>

#if defined(__CUDACC__)
#define LIMEN_MS_SSIM_MATH __host__ __device__ inline
#else
#define LIMEN_MS_SSIM_MATH inline
#endif

namespace limen::detail {

/// v^w, or what becomes of it below zero, and its slope. Both are finite for every finite v: the slope of a clamped mean is zero.
struct Power {
    double value, slope;
};

LIMEN_MS_SSIM_MATH Power power_of(double v, double w, bool clamp) {
    if (v != v) return {v, v};
    if (clamp && v <= 0) return {w == 0 ? 1.0 : 0.0, 0};
    if (v == 0) return {w == 0 ? 1.0 : 0.0, w == 1 ? 1.0 : 0.0};  // other slopes at zero are zero or infinite
    const double magnitude = pow(fabs(v), w);
    return {v < 0 ? -magnitude : magnitude, w * magnitude / fabs(v)};
}

/// prod v_k^w_k over `count` scales, mean(k) being v_k; or, for `scale` >= 0, its derivative with respect to that scale's mean, from
/// products of the other factors.
template <class Mean>
LIMEN_MS_SSIM_MATH double product_of_scales(int count, const double* weights, bool clamp, const Mean& mean, int scale) {
    double product = 1;
    for (int k = 0; k < count; k++) {
        const Power p = power_of(mean(k), weights[k], clamp);
        product *= k == scale ? p.slope : p.value;
    }
    return product;
}

}  // namespace limen::detail

#undef LIMEN_MS_SSIM_MATH
