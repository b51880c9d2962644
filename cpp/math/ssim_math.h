// The SSIM formula and its derivatives at one position, written once for every number type: double in the reference, a SIMD
// vector in the CPU kernels, float in CUDA. Includes nothing that one of the three compilers would not accept; whoever includes it has
// at_least_zero(v), divide(a, b), reciprocal(v) and quotient(a, b, reciprocal(b)) for the number type before it.
//
// Everything is in the sum u = x + y and the difference v = x - y (docs/definitions.md): SSIM needs only the windowed means of
// u, v, u^2 and v^2, and the gradients of both images come out as the sum and the difference of two.
#pragma once

#include "inline.h"

// Internal linkage: every instruction set compiles its own copy and the linker must never merge them.
namespace {

// Windowed sums at one position: means divided by `gain`, which spares a blur the multiplication of its middle tap. `u` and `v` are
// taken about the centres `center_u` and `center_v`, constants that leave the variances as they are but keep E[u^2] - E[u]^2 from
// cancelling when the images are bright and flat.
template <class T>
struct SsimMoments {
    T u, v, uu, vv;
};

// Every numerator and denominator below is twice the textbook's, so c1 and c2 are doubled as well. Variances stay divided by
// `gain`, and so c2 is, too. A sample covariance multiplies both variances by one factor; dividing c2 by it instead gives the same
// ratio. `epsilon` is added to the product of the denominators, as some libraries do, and scaled as that product is.
template <class T>
struct SsimConstants {
    T gain, center_u, center_v, c1, c2, epsilon;
};

template <class T>
struct SsimTerms {
    T mu_u, mu_v;  // about zero
    T l_num, l_den, cs_num, cs_den;
};

template <class T, class S>
LIMEN_MATH SsimTerms<T> ssim_terms(const SsimMoments<T>& m, const SsimConstants<S>& k) {
    const T u = k.gain * m.u, v = k.gain * m.v;  // means about the centres
    const T mu_u = u + k.center_u, mu_v = v + k.center_v;
    const T uu = mu_u * mu_u + k.c1;
    // Rounding can leave a variance just below zero, and |cs| then just above one.
    const T var_u = at_least_zero(m.uu - u * m.u) + k.c2;
    const T var_v = at_least_zero(m.vv - v * m.v);
    return {mu_u, mu_v, uu - mu_v * mu_v, uu + mu_v * mu_v, var_u - var_v, var_u + var_v};
}

// l * cs with one division, or cs.
template <bool luminance, class T, class S>
LIMEN_MATH T ssim_value(const SsimTerms<T>& t, const SsimConstants<S>& k) {
    if constexpr (luminance) return divide(t.l_num * t.cs_num, t.l_den * t.cs_den + k.epsilon);
    else return divide(t.cs_num, t.cs_den);
}

// Slopes of l * cs (or cs) with respect to the means of u and v (half of them, times `gain`) and of u^2 and v^2 (times `gain`).
// With an adjoint that leaves out the middle tap as the sums do, the gradient is 2 * (adjoint(slope.u) + u * adjoint(slope.uu)), u
// taken about its centre, and likewise for v.
template <class T>
struct SsimSlopes {
    T u, v, uu, vv, value;
};

template <bool luminance, class T, class S>
LIMEN_MATH SsimSlopes<T> ssim_slopes(const SsimMoments<T>& m, const SsimConstants<S>& k) {
    const SsimTerms<T> t = ssim_terms(m, k);
    SsimSlopes<T> s;
    if constexpr (luminance) {
        const T den = t.l_den * t.cs_den + k.epsilon, inverse = reciprocal(den);
        s.value = quotient(t.l_num * t.cs_num, den, inverse);
        const T l = t.l_num * inverse, value_l = s.value * t.l_den * inverse;
        const T cs = t.cs_num * inverse, value_cs = s.value * t.cs_den * inverse;
        s.uu = l - value_l;
        s.vv = -l - value_l;
        s.u = k.gain * (t.mu_u * (cs - value_cs) - m.u * s.uu);
        s.v = k.gain * (-t.mu_v * (cs + value_cs) - m.v * s.vv);
    } else {
        const T inverse = reciprocal(t.cs_den);
        s.value = quotient(t.cs_num, t.cs_den, inverse);
        s.uu = inverse - s.value * inverse;
        s.vv = -inverse - s.value * inverse;
        s.u = -k.gain * m.u * s.uu;
        s.v = -k.gain * m.v * s.vv;
    }
    return s;
}

}  // namespace
