// The distance of two feature vectors and its derivatives at one position, from sums over the channels, written once for every number
// type: a SIMD vector in the CPU kernels, float in CUDA. Needs at_least_zero(T), square_root(T)
// and multiply_add(T, T, T).
//
// With the normalised features h = f i, i = 1 / (|f| + epsilon), the distance is sum w (h0 - h1)^2. Expanding the square would lose it
// where the features are alike. But for any number `ratio`
//
//     h0 - h1 = i0 d + shift f1      d = f0 - ratio f1      shift = ratio i0 - i1
//
// and nothing is lost where the terms on the right are no larger than the left side: with ratio 1 where the lengths are alike, and with
// i1 / i0, which is known after a first sweep, always. So one sweep over the channels is mostly enough.
#pragma once

#include "inline.h"

// Internal linkage: every instruction set compiles its own copy and the linker must never merge them.
namespace {

// Added to every length, as in the published weights' own code.
constexpr double kFeatureEpsilon = 1e-10;

// What the terms may exceed the distance by: it is then right to about as many roundings.
constexpr int kFeatureTerms = 16;

// Sums over the channels. `squares` is the difference of the squared lengths, of f0 and of ratio f1.
template <class T>
struct FeatureSums {
    T square0, square1, squares;
    T wdd, wd1, w11;  // w d^2, w d f1, w f1^2
};

template <bool unit, class T, class W>
LIMEN_MATH void feature_add(FeatureSums<T>& s, T f0, T f1, T ratio, W w) {
    T d, plus;
    if constexpr (unit) {
        d = f0 - f1;
        plus = f0 + f1;
    } else {
        d = f0 - ratio * f1;
        plus = f0 + ratio * f1;
    }
    s.square0 += f0 * f0;
    s.square1 += f1 * f1;
    s.squares += d * plus;
    const T wd = w * d;
    s.wdd += wd * d;
    s.wd1 += wd * f1;
    s.w11 += w * f1 * f1;
}

// What a gradient needs of a position beside its features:
//
//     dD/df0 = 2 i0 (w u - along0 f0)     dD/df1 = -2 i1 (w u - along1 f1)     dD/dw = u^2     u = i0 (f0 - ratio f1) + shift f1
//
// A feature vector of zeros has i = along = 0.
template <class T>
struct FeatureState {
    T ratio, inverse0, inverse1, shift, along0, along1;
};

template <class T>
struct FeatureDistance {
    T value, terms;  // `terms`: half of what was added up, signs left out, or more
    FeatureState<T> state;
};

template <class T, class S>
LIMEN_MATH FeatureDistance<T> feature_distance_of(const FeatureSums<T>& s, T ratio, S epsilon) {
    const T zero = T{}, one = zero + 1;
    const T length0 = square_root(s.square0), length1 = square_root(s.square1);
    const auto empty0 = s.square0 == zero, empty1 = s.square1 == zero;
    // A length that is not finite makes all of its position NaN.
    const T i0 = empty0 ? zero : one / (length0 + epsilon) + (length0 - length0);
    const T i1 = empty1 ? zero : one / (length1 + epsilon) + (length1 - length1);
    // ratio |f1| - |f0| by the difference of their squares, which is small where they are alike.
    const T longer = -s.squares / (ratio * length1 + length0);
    const T between = i0 * i1 * (longer + epsilon * (ratio - 1));
    const T shift = empty0 ? -i1 : empty1 ? ratio * i0 : between;
    const T dd = i0 * i0 * s.wdd, d1 = i0 * shift * s.wd1, f11 = shift * shift * s.w11;

    FeatureDistance<T> out;
    out.value = at_least_zero(dd + 2 * d1 + f11);
    out.terms = dd + f11;
    const T wu1 = i0 * s.wd1 + shift * s.w11;  // sum of w u f1
    const T wu0 = i0 * s.wdd + shift * s.wd1 + ratio * wu1;
    out.state = {ratio, i0, i1, shift, empty0 ? zero : i0 * wu0 / length0, empty1 ? zero : i1 * wu1 / length1};
    return out;
}

// Slopes of one channel at one position: of the distance by the two features, each times a factor of the position's (2 i0 and -2 i1,
// times what is upstream), and the square root of that by the weight.
template <class T>
struct FeatureSlopes {
    T f0, f1, u;
};

template <class T, class W>
LIMEN_MATH FeatureSlopes<T> feature_slopes(const FeatureState<T>& s, T outer0, T outer1, T f0, T f1, W w) {
    // By name: a compiler may fuse either product with the sum, and would do one here and the other there.
    const T u = multiply_add(s.inverse0, f0 - s.ratio * f1, s.shift * f1), wu = w * u;
    return {outer0 * multiply_add(-s.along0, f0, wu), outer1 * multiply_add(-s.along1, f1, wu), u};
}

// The ratio for a second sweep.
template <class T, class S>
LIMEN_MATH T feature_ratio(const FeatureSums<T>& s, S epsilon) {
    return (square_root(s.square0) + epsilon) / (square_root(s.square1) + epsilon);
}

}  // namespace
