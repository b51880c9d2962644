// What the formulas of cpp/math ask of a number, for kernels.
#pragma once

#include "device.h"

namespace {

// NaN stays NaN, which fmaxf would turn into zero.
__device__ __forceinline__ float at_least_zero(float v) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    float out;
    asm("max.NaN.f32 %0, %1, 0f00000000;" : "=f"(out) : "f"(v));
    return out;
#else
    return v < 0 ? 0 : v;
#endif
}
__device__ __forceinline__ double at_least_zero(double v) { return v < 0 ? 0 : v; }

__device__ __forceinline__ float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
__device__ __forceinline__ double multiply_add(double a, double b, double c) { return fma(a, b, c); }
__device__ __forceinline__ float square_root(float v) { return sqrtf(v); }
__device__ __forceinline__ double square_root(double v) { return sqrt(v); }

// One instruction of about one rounding error. Denormal denominators count as zero, which needs an SSIM of constants near zero:
// those are computed in float64 (launch.h).
__device__ __forceinline__ float reciprocal(float v) {
#if defined(__CUDA_ARCH__)
    float out;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(v));
    return out;
#else
    return 1 / v;
#endif
}
__device__ __forceinline__ double reciprocal(double v) { return 1 / v; }

// a / b by its distance from one: equal numbers give exactly one, and what error the reciprocal has goes with the distance. The
// difference must not be contracted with the product that `a` is.
__device__ __forceinline__ float quotient(float a, float b, float inverse) {
    return __fmaf_rn(-inverse, __fmaf_rn(-1.0f, a, b), 1.0f);
}
__device__ __forceinline__ double quotient(double a, double b, double) { return a / b; }

__device__ __forceinline__ float divide(float a, float b) { return quotient(a, b, reciprocal(b)); }
__device__ __forceinline__ double divide(double a, double b) { return a / b; }

}  // namespace

#include "../../cpp/math/ssim_math.h"
