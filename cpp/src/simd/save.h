// Writes gradients to planes of any floating type and stride.
#pragma once

#include "load.h"

namespace {

LIMEN_INLINE uint16_t to_bfloat_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);  // NaN stays NaN
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

LIMEN_INLINE uint16_t to_half_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);
    if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // rounds to 65536 or more
    if (magnitude < 0x38800000) {
        // Subnormal: adding 0.5 leaves the rounded mantissa in the low bits.
        float g;
        memcpy(&g, &magnitude, 4);
        g += 0.5f;
        uint32_t sum;
        memcpy(&sum, &g, 4);
        return static_cast<uint16_t>(sign | (sum - 0x3f000000));
    }
    return static_cast<uint16_t>(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
}

template <class E, class T>
LIMEN_INLINE E element(T value) {
    if constexpr (sizeof(E) == 2) {
        E e;
        if constexpr (__is_same(E, Half)) e.bits = to_half_bits(static_cast<float>(value));
        else e.bits = to_bfloat_bits(static_cast<float>(value));
        return e;
    } else {
        return static_cast<E>(value);
    }
}

// Adds (for the borders that fold) or writes `count` numbers from `values` at `out`.
template <class E, class T, bool add>
LIMEN_INLINE void save_span(E* out, int64_t stride, const T* values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        T value = values[i];
        if constexpr (add) value += number<T>(out[i * stride]);
        out[i * stride] = element<E>(value);
    }
}

template <class E, class T, bool add>
LIMEN_INLINE void save_rows(const Plane& plane, const PairSource& s, const Block& b, T* values, int64_t pitch) {
    const RowEdges edges(s, b.col - s.pad, b.pixels);
    const auto span = [&](int64_t row, int64_t i, int64_t c, int64_t count) {
        const int64_t r = border_index(b.row + row - s.pad, s.height, s.border);
        if (r < 0) return;
        E* to = static_cast<E*>(plane.data) + r * plane.row + c * s.step * plane.sample;
        const T* from = values + row * pitch + i * s.step;
        if (plane.sample == 1) save_span<E, T, add>(to, 1, from, count * s.step);
        else save_span<E, T, add>(to, plane.sample, from, count * s.step);
    };
    if constexpr (add) {
        const auto fold = [&](int64_t i, int64_t j) {
            for (int64_t row = 0; row < b.rows; row++)
                for (int64_t c = 0; c < s.step; c++)
                    values[row * pitch + j * s.step + c] += values[row * pitch + i * s.step + c];
        };
        edges.repeated(s, fold, [&](int64_t i, int64_t c) {
            for (int64_t row = 0; row < b.rows; row++) span(row, i, c, 1);
        });
    }
    for (int64_t row = 0; row < b.rows; row++)
        span(row, edges.inside, edges.first + edges.inside, edges.outside - edges.inside);
}

template <class E, class T>
__attribute__((noinline)) void save_block_as(const Plane& plane, const PairSource& s, const Block& b, T* values,
                                             int64_t pitch) {
    if (s.pad > 0 && s.border != Border::zero) save_rows<E, T, true>(plane, s, b, values, pitch);
    else save_rows<E, T, false>(plane, s, b, values, pitch);
}

// The gradient of a block of padded pixels. Where the border repeats pixels the gradient of the padding is added to the pixel it
// repeats; zero padding has none to give it to. `values` is written over.
template <class T>
LIMEN_INLINE void save_block(const Plane& plane, const PairSource& s, const Block& b, T* values, int64_t pitch) {
    switch (plane.dtype) {
        case DType::float16: return save_block_as<Half, T>(plane, s, b, values, pitch);
        case DType::bfloat16: return save_block_as<BFloat, T>(plane, s, b, values, pitch);
        case DType::float64: return save_block_as<double, T>(plane, s, b, values, pitch);
        default: return save_block_as<float, T>(plane, s, b, values, pitch);
    }
}

// What save_block will write.
LIMEN_INLINE Prefetch prefetch_outputs(const Plane& x, const Plane& y, const PairSource& s, const Block& b) {
    const int64_t size = x.dtype == DType::float64 ? 8 : x.dtype == DType::float32 ? 4 : 2;
    const Block in = inside_plane(s, b);
    const bool plain = x.sample == 1 && (!y.data || (y.sample == 1 && y.dtype == x.dtype));
    return {static_cast<const char*>(x.data) + (in.row * x.row + in.col * s.step) * size,
            y.data ? static_cast<const char*>(y.data) + (in.row * y.row + in.col * s.step) * size : nullptr,
            x.row * size,
            y.row * size,
            plain ? in.rows : 0,
            in.pixels * s.step * size};
}

}  // namespace
