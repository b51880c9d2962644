// Register transposes of kLanes x kLanes blocks.
#pragma once

#include "vec.h"

namespace {

// One network for every width: within 128-bit lanes first (two-operand shuffles that every instruction set has), then whole
// 128-bit lanes. `rows` becomes its transpose.
template <class T>
LIMEN_INLINE void transpose(Vec<T> (&r)[kLanes<T>]);

#define LIMEN_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

template <>
LIMEN_INLINE void transpose<float>(Vec<float> (&r)[kLanes<float>]) {
    using V = Vec<float>;
#if defined(__AVX512F__)
    for (int i = 0; i < 16; i += 4) {
        const V a = LIMEN_SHUFFLE(r[i], r[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        const V b = LIMEN_SHUFFLE(r[i], r[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
        const V c = LIMEN_SHUFFLE(r[i + 2], r[i + 3], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
        const V d = LIMEN_SHUFFLE(r[i + 2], r[i + 3], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
        r[i] = LIMEN_SHUFFLE(a, c, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        r[i + 1] = LIMEN_SHUFFLE(a, c, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
        r[i + 2] = LIMEN_SHUFFLE(b, d, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        r[i + 3] = LIMEN_SHUFFLE(b, d, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
    // r[4 * q + j] lane b now holds rows 4q..4q+3 of column 4b + j.
    V t[16];
    for (int j = 0; j < 4; j++) {
        const V a = LIMEN_SHUFFLE(r[j], r[4 + j], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        const V b = LIMEN_SHUFFLE(r[j], r[4 + j], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        const V c = LIMEN_SHUFFLE(r[8 + j], r[12 + j], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        const V d = LIMEN_SHUFFLE(r[8 + j], r[12 + j], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        t[j] = LIMEN_SHUFFLE(a, c, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        t[8 + j] = LIMEN_SHUFFLE(a, c, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        t[4 + j] = LIMEN_SHUFFLE(b, d, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        t[12 + j] = LIMEN_SHUFFLE(b, d, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
    for (int i = 0; i < 16; i++) r[i] = t[i];
#elif defined(__AVX2__)
    for (int i = 0; i < 8; i += 4) {
        const V a = LIMEN_SHUFFLE(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        const V b = LIMEN_SHUFFLE(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
        const V c = LIMEN_SHUFFLE(r[i + 2], r[i + 3], 0, 8, 1, 9, 4, 12, 5, 13);
        const V d = LIMEN_SHUFFLE(r[i + 2], r[i + 3], 2, 10, 3, 11, 6, 14, 7, 15);
        r[i] = LIMEN_SHUFFLE(a, c, 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 1] = LIMEN_SHUFFLE(a, c, 2, 3, 10, 11, 6, 7, 14, 15);
        r[i + 2] = LIMEN_SHUFFLE(b, d, 0, 1, 8, 9, 4, 5, 12, 13);
        r[i + 3] = LIMEN_SHUFFLE(b, d, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int j = 0; j < 4; j++) {
        const V low = LIMEN_SHUFFLE(r[j], r[4 + j], 0, 1, 2, 3, 8, 9, 10, 11);
        const V high = LIMEN_SHUFFLE(r[j], r[4 + j], 4, 5, 6, 7, 12, 13, 14, 15);
        r[j] = low;
        r[4 + j] = high;
    }
#else
    const V a = LIMEN_SHUFFLE(r[0], r[1], 0, 4, 1, 5);
    const V b = LIMEN_SHUFFLE(r[0], r[1], 2, 6, 3, 7);
    const V c = LIMEN_SHUFFLE(r[2], r[3], 0, 4, 1, 5);
    const V d = LIMEN_SHUFFLE(r[2], r[3], 2, 6, 3, 7);
    r[0] = LIMEN_SHUFFLE(a, c, 0, 1, 4, 5);
    r[1] = LIMEN_SHUFFLE(a, c, 2, 3, 6, 7);
    r[2] = LIMEN_SHUFFLE(b, d, 0, 1, 4, 5);
    r[3] = LIMEN_SHUFFLE(b, d, 2, 3, 6, 7);
#endif
}

template <>
LIMEN_INLINE void transpose<double>(Vec<double> (&r)[kLanes<double>]) {
    using V = Vec<double>;
#if defined(__AVX512F__)
    for (int i = 0; i < 8; i += 2) {
        const V a = LIMEN_SHUFFLE(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        const V b = LIMEN_SHUFFLE(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
        r[i] = a;
        r[i + 1] = b;
    }
    V t[8];
    for (int j = 0; j < 2; j++) {
        const V a = LIMEN_SHUFFLE(r[j], r[2 + j], 0, 1, 4, 5, 8, 9, 12, 13);
        const V b = LIMEN_SHUFFLE(r[j], r[2 + j], 2, 3, 6, 7, 10, 11, 14, 15);
        const V c = LIMEN_SHUFFLE(r[4 + j], r[6 + j], 0, 1, 4, 5, 8, 9, 12, 13);
        const V d = LIMEN_SHUFFLE(r[4 + j], r[6 + j], 2, 3, 6, 7, 10, 11, 14, 15);
        t[j] = LIMEN_SHUFFLE(a, c, 0, 1, 4, 5, 8, 9, 12, 13);
        t[4 + j] = LIMEN_SHUFFLE(a, c, 2, 3, 6, 7, 10, 11, 14, 15);
        t[2 + j] = LIMEN_SHUFFLE(b, d, 0, 1, 4, 5, 8, 9, 12, 13);
        t[6 + j] = LIMEN_SHUFFLE(b, d, 2, 3, 6, 7, 10, 11, 14, 15);
    }
    for (int i = 0; i < 8; i++) r[i] = t[i];
#elif defined(__AVX2__)
    for (int i = 0; i < 4; i += 2) {
        const V a = LIMEN_SHUFFLE(r[i], r[i + 1], 0, 4, 2, 6);
        const V b = LIMEN_SHUFFLE(r[i], r[i + 1], 1, 5, 3, 7);
        r[i] = a;
        r[i + 1] = b;
    }
    for (int j = 0; j < 2; j++) {
        const V low = LIMEN_SHUFFLE(r[j], r[2 + j], 0, 1, 4, 5);
        const V high = LIMEN_SHUFFLE(r[j], r[2 + j], 2, 3, 6, 7);
        r[j] = low;
        r[2 + j] = high;
    }
#else
    const V low = LIMEN_SHUFFLE(r[0], r[1], 0, 2);
    r[1] = LIMEN_SHUFFLE(r[0], r[1], 1, 3);
    r[0] = low;
#endif
}

// The even, or odd, numbers of a followed by those of b.
template <class T>
LIMEN_INLINE Vec<T> even_lanes(Vec<T> a, Vec<T> b) {
    if constexpr (kLanes<T> == 2) return LIMEN_SHUFFLE(a, b, 0, 2);
    else if constexpr (kLanes<T> == 4) return LIMEN_SHUFFLE(a, b, 0, 2, 4, 6);
    else if constexpr (kLanes<T> == 8) return LIMEN_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
    else return LIMEN_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
template <class T>
LIMEN_INLINE Vec<T> odd_lanes(Vec<T> a, Vec<T> b) {
    if constexpr (kLanes<T> == 2) return LIMEN_SHUFFLE(a, b, 1, 3);
    else if constexpr (kLanes<T> == 4) return LIMEN_SHUFFLE(a, b, 1, 3, 5, 7);
    else if constexpr (kLanes<T> == 8) return LIMEN_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
    else return LIMEN_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

// Every number of v twice.
template <class T>
LIMEN_INLINE void repeat_lanes(Vec<T> v, Vec<T>& low, Vec<T>& high) {
    if constexpr (kLanes<T> == 2) {
        low = LIMEN_SHUFFLE(v, v, 0, 0);
        high = LIMEN_SHUFFLE(v, v, 1, 1);
    } else if constexpr (kLanes<T> == 4) {
        low = LIMEN_SHUFFLE(v, v, 0, 0, 1, 1);
        high = LIMEN_SHUFFLE(v, v, 2, 2, 3, 3);
    } else if constexpr (kLanes<T> == 8) {
        low = LIMEN_SHUFFLE(v, v, 0, 0, 1, 1, 2, 2, 3, 3);
        high = LIMEN_SHUFFLE(v, v, 4, 4, 5, 5, 6, 6, 7, 7);
    } else {
        low = LIMEN_SHUFFLE(v, v, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
        high = LIMEN_SHUFFLE(v, v, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
    }
}

#undef LIMEN_SHUFFLE

}  // namespace
