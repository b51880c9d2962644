// Adjacent pixels of a pair of images, a few for each lane.
#pragma once

#include "source.h"

namespace limen::cuda {

/// Pixels as they are; narrow ones are larger by their bias.
template <int N>
struct LanePixels {
    float x[N], y[N];
};

/// What lies in one of N registers.
template <int N>
__device__ __forceinline__ float one_of(const float (&many)[N], int j) {
    float one = many[0];
#pragma unroll
    for (int i = 1; i < N; i++) one = i == j ? many[i] : one;
    return one;
}

/// N numbers of which a word holds two.
template <int N>
__device__ __forceinline__ void narrow_to_floats(const NarrowBits& narrow, const uint32_t (&words)[2],
                                                 float (&out)[N]) {
#pragma unroll
    for (int j = 0; j < N; j += 2) {
        float two[2];
        narrow_to_float(narrow, words[j / 2], two);
        out[j] = two[0], out[j + 1] = two[1];
    }
}

/// N numbers of one image side by side, from a column on that is a multiple of N.
template <Pixels kind, int N>
__device__ __forceinline__ void read_together(const Source& s, const char* at, float (&out)[N]) {
    static_assert(N == 2 || N == 4);
    if constexpr (kind != Pixels::narrow) {
        if constexpr (N == 4) {
            const float4 four = __ldg(reinterpret_cast<const float4*>(at));
            out[0] = four.x, out[1] = four.y, out[2] = four.z, out[3] = four.w;
        } else {
            const float2 two = __ldg(reinterpret_cast<const float2*>(at));
            out[0] = two.x, out[1] = two.y;
        }
        return;
    }
    uint32_t words[2] = {};
    if (s.bytes == 1) {
        words[0] = read_bits(at, N);
        words[1] = words[0] >> 16;
    } else if constexpr (N == 4) {
        const uint2 four = __ldg(reinterpret_cast<const uint2*>(at));
        words[0] = four.x, words[1] = four.y;
    } else {
        words[0] = read_bits(at, 4);
    }
    narrow_to_floats(s.narrow, words, out);
}

/// N numbers `apart` bytes apart, from the `first`-th on.
template <Pixels kind, int N>
__device__ __forceinline__ void read_apart(const Source& s, const char* at, int64_t apart, int first, float (&out)[N]) {
    uint32_t bits[N];
#pragma unroll
    for (int j = 0; j < N; j++) bits[j] = read_bits(at + (first + j) * apart, kind == Pixels::narrow ? s.bytes : 4);
    if constexpr (kind == Pixels::narrow) {
        uint32_t words[2] = {};
#pragma unroll
        for (int j = 0; j < N; j += 2) words[j / 2] = bits[j] | bits[j + 1] << (8 * s.bytes);
        narrow_to_floats(s.narrow, words, out);
    } else {
#pragma unroll
        for (int j = 0; j < N; j++) out[j] = __uint_as_float(bits[j]);
    }
}

/// A pixel of any images, and what their padding has beyond them.
template <Pixels kind>
__device__ __forceinline__ LanePixels<1> read_pixel(const Source& s, const PlaneSource& plane, int row, int column) {
    const int r = source_index(row, s.height, s.border), c = source_index(column, s.width, s.border),
              bytes = kind == Pixels::narrow ? s.bytes : 4;
    const float bias = kind == Pixels::narrow ? s.narrow.bias : 0.0f;
    if (r < 0 || c < 0) return {{bias}, {bias}};
    return {{bits_to_float(read_bits(plane.x + (r * s.x_row + c * s.x_column) * bytes, bytes), s.dtype) + bias},
            {bits_to_float(read_bits(plane.y + (r * s.y_row + c * s.y_column) * bytes, bytes), s.dtype) + bias}};
}

}  // namespace limen::cuda
