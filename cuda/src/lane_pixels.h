// Adjacent pixels of a pair of images, a few for each lane.
#pragma once

#include "source.h"

namespace limen::cuda {

/// Pixels as they are.
template <int N>
struct Pixels {
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

/// Of float32 images whose rows hold pairs, from an even column of the image on. Pairs that the image doesn't have are not read.
template <int N>
__device__ __forceinline__ Pixels<N> read_pairs(const Source& s, const PlaneSource& plane, int row, int column) {
    const char* const x = plane.x + (row * s.x_row + column) * 4;
    const char* const y = plane.y + (row * s.y_row + column) * 4;
    Pixels<N> out = {};
#pragma unroll
    for (int j = 0; j < N; j += 2) {
        if (column + j < 0 || column + j + 1 >= s.width) continue;
        const float2 of_x = __ldg(reinterpret_cast<const float2*>(x) + j / 2),
                     of_y = __ldg(reinterpret_cast<const float2*>(y) + j / 2);
        out.x[j] = of_x.x, out.x[j + 1] = of_x.y;
        out.y[j] = of_y.x, out.y[j + 1] = of_y.y;
    }
    return out;
}

/// Padded pixels of any images. One after the other: this takes few registers and little code, and is rarely needed.
template <int N, bool floats>
__device__ __forceinline__ Pixels<N> read_slowly(const Source& s, const PlaneSource& plane, int row, int column) {
    Pixels<N> out = {};
    const int r = source_index(row - s.pad, s.height, s.border), bytes = floats ? 4 : s.bytes;
    if (r < 0) return out;
    const char* const of_x = plane.x + r * s.x_row * bytes;
    const char* const of_y = plane.y + r * s.y_row * bytes;
#pragma unroll 1
    for (int j = 0; j < N; j++) {
        const int c = source_index(column + j - s.pad, s.width, s.border);
        if (c < 0) continue;
        const uint32_t x = read_bits(of_x + c * s.x_column * bytes, bytes),
                       y = read_bits(of_y + c * s.y_column * bytes, bytes);
#pragma unroll
        for (int i = 0; i < N; i++) {
            if (i != j) continue;
            out.x[i] = floats ? __uint_as_float(x) : bits_to_float(x, s.dtype);
            out.y[i] = floats ? __uint_as_float(y) : bits_to_float(y, s.dtype);
        }
    }
    return out;
}

}  // namespace limen::cuda
