// Reads and writes vectors of numbers in maps of features of any floating type and stride.
#pragma once

#include "save.h"
#include "transpose.h"

#include "../../math/feature_distance_math.h"

namespace {

// `count` elements as numbers, and zeros.
template <class T, class E>
LIMEN_INLINE Vec<T> some_numbers(const E* p, int64_t stride, int count) {
    Vec<T> v = {};
    for (int i = 0; i < count; i++) v[i] = number<T>(p[i * stride]);
    return v;
}

// kLanes<T> numbers as elements that lie side by side.
template <class T, class E>
LIMEN_INLINE void store_numbers(E* p, Vec<T> v) {
    if constexpr (sizeof(E) == sizeof(T)) {
        store_unaligned(reinterpret_cast<T*>(p), v);
    } else if constexpr (sizeof(T) == 4 && __is_same(E, BFloat)) {
        const Bits<float> bits = reinterpret_cast<Bits<float>>(v), high = bits >> 16 & 0xffff;
        const Bits<float> rounded = (bits + 0x7fff + (high & 1)) >> 16 & 0xffff;
        narrow(&p->bits, (bits & 0x7fffffff) > 0x7f800000 ? high | 0x40 : rounded);
    } else if constexpr (sizeof(T) == 4 && __is_same(E, Half)) {
#if defined(LIMEN_HAS_HALF_CONVERSIONS)
        to_halves(&p->bits, v);
#else
        const Bits<float> bits = reinterpret_cast<Bits<float>>(v), magnitude = bits & 0x7fffffff;
        // As to_half_bits() does it.
        const Vec<float> shifted = reinterpret_cast<Vec<float>>(magnitude) + 0.5f;
        const Bits<float> subnormal = reinterpret_cast<Bits<float>>(shifted) - 0x3f000000;
        const Bits<float> normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
        const Bits<float> nan = Bits<float>{} + 0x7e00, infinite = Bits<float>{} + 0x7c00;
        const Bits<float> finite = magnitude < 0x38800000 ? subnormal : normal;
        const Bits<float> special = magnitude > 0x7f800000 ? nan : infinite;
        narrow(&p->bits, (magnitude >= 0x477ff000 ? special : finite) | (bits >> 16 & 0x8000));
#endif
    } else {
        for (int i = 0; i < kLanes<T>; i++) p[i] = element<E>(v[i]);
    }
}

// Lanes `begin` to `end` of a vector as elements, one at a time.
template <class T>
LIMEN_INLINE void store_some(void* data, DType dtype, int64_t at, int64_t stride, Vec<T> v, int begin, int end) {
    for (int i = begin; i < end; i++) {
        const int64_t to = at + i * stride;
        switch (dtype) {
            case DType::float16: static_cast<Half*>(data)[to] = element<Half>(v[i]); break;
            case DType::bfloat16: static_cast<BFloat*>(data)[to] = element<BFloat>(v[i]); break;
            case DType::float64: static_cast<double*>(data)[to] = static_cast<double>(v[i]); break;
            default: static_cast<float*>(data)[to] = static_cast<float>(v[i]); break;
        }
    }
}

// A vector with zeros in place of the other lanes.
template <class T>
LIMEN_INLINE Vec<T> only_lanes(Vec<T> v, int begin, int end) {
    if (begin > 0 || end < kLanes<T>)
        for (int i = 0; i < kLanes<T>; i++)
            if (i < begin || i >= end) v[i] = 0;
    return v;
}

template <class T>
LIMEN_INLINE bool holds(DType dtype) {
    return dtype == (sizeof(T) == 8 ? DType::float64 : DType::float32);
}

template <class T>
LIMEN_INLINE const T* weights_of(const FeatureWeights& w) {
    if constexpr (sizeof(T) == 8) return w.wide;
    else return w.narrow;
}

// Positions of a row that are worked on together, from column `col` on.
struct Positions {
    int64_t row, col;
    int count;
};

// Vector number i of a run of positions holds those from at() on; of its lanes, those from begin() to end() are its own. Where
// vectors are read whole, the last one goes back over positions of the one before rather than beyond the run.
template <class T>
struct Slots {
    int count;
    bool whole;  // there are enough positions for a vector, and they lie side by side

    LIMEN_INLINE int slots() const { return (count + kLanes<T> - 1) / kLanes<T>; }
    LIMEN_INLINE int at(int i) const {
        const int first = i * kLanes<T>;
        return whole && first + kLanes<T> > count ? count - kLanes<T> : first;
    }
    LIMEN_INLINE int begin(int i) const { return i * kLanes<T> - at(i); }
    LIMEN_INLINE int end(int i) const { return count - at(i) < kLanes<T> ? count - at(i) : kLanes<T>; }
};

LIMEN_INLINE int64_t offset(const Features& f, const Positions& p) { return p.row * f.row + p.col * f.col; }

// Asks for a vector that is needed soon. Every channel's row is a stream of its own, too short for the processor to foresee. Into the
// second-level cache: in the first, rows a multiple of 4096 bytes apart would drive out what is in use. Every line is asked for twice,
// which is faster: it seems that requests are dropped where there are many.
template <class T, class E>
LIMEN_INLINE void prefetch_far(const E* p) {
    __builtin_prefetch(p, 0, 2);
    if constexpr (kLanes<T> * sizeof(E) == kLineBytes) __builtin_prefetch(p + kLanes<T>, 0, 2);
}

// Calls work(positions) for the runs that `region` is cut into.
template <class Work>
LIMEN_INLINE void each_run(const Region& region, const Work& work) {
    for (int64_t row = region.row_begin; row < region.row_end; row++)
        for (int64_t col = region.col_begin; col < region.col_end; col += kFeaturePositions) {
            const int64_t left = region.col_end - col;
            work(Positions{row, col, static_cast<int>(left < kFeaturePositions ? left : kFeaturePositions)});
        }
}

}  // namespace
