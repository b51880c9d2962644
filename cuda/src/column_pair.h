// Two adjacent columns of a pair of images, read row by row.
#pragma once

#include "source.h"

namespace limen::cuda {

/// Values as they lie in memory: x of both columns, y of both.
struct PairBits {
    uint32_t x[2], y[2];
};

class ColumnPair {
  public:
    ColumnPair() = default;

    /// Padded columns `column` and the next; from `end` on (padded) nothing is needed, and zeros are read.
    __device__ __forceinline__ ColumnPair(const Source& s, const PlaneSource& plane, int column, int end) {
        const int a = column - s.pad, first = column < end ? source_index(a, s.width, s.border) : -1,
                  second = column + 1 < end ? source_index(a + 1, s.width, s.border) : -1;
        x_ = plane.x + max(first, 0) * s.x_column * s.bytes;
        y_ = plane.y + max(first, 0) * s.y_column * s.bytes;
        first_ = first;
        second_ = second;
        together_ = s.pairs && first >= 0 && second == first + 1 && first % 2 == 0;
    }

    /// Padded rows from `row` on, none outside [begin, end): the nearest inside takes its place.
    template <int N>
    __device__ __forceinline__ void read(const Source& s, int row, int begin, int end, PairBits (&bits)[N]) const {
        if (together_ && s.bytes == 4 && row >= max(begin, s.pad) && row + N <= min(end, s.height + s.pad)) {
            const char* x = x_ + (row - s.pad) * (s.x_row * 4);
            const char* y = y_ + (row - s.pad) * (s.y_row * 4);
#pragma unroll
            for (int i = 0; i < N; i++, x += s.x_row * 4, y += s.y_row * 4) {
                const uint2 of_x = __ldg(reinterpret_cast<const uint2*>(x)),
                            of_y = __ldg(reinterpret_cast<const uint2*>(y));
                bits[i] = {{of_x.x, of_x.y}, {of_y.x, of_y.y}};
            }
        } else {
#pragma unroll
            for (int i = 0; i < N; i++) bits[i] = read_row(s, min(max(row + i, begin), end - 1));
        }
    }

    /// u and v about the center.
    __device__ __forceinline__ void convert(const Source& s, const PairBits& bits, const Center<float>& center,
                                            float (&u)[2], float (&v)[2]) const {
        float x[2], y[2];
        to_float(s, bits, x, y);
#pragma unroll
        for (int c = 0; c < 2; c++) {
            const float a = x[c] - center.first, b = y[c] - center.second;
            u[c] = s.is_uv ? a : a + b;
            v[c] = s.is_uv ? b : a - b;
        }
    }

    /// The numbers themselves.
    __device__ __forceinline__ void to_float(const Source& s, const PairBits& bits, float (&x)[2],
                                             float (&y)[2]) const {
        to_float(s, bits.x, x);
        to_float(s, bits.y, y);
    }

  private:
    __device__ __forceinline__ PairBits read_row(const Source& s, int row) const {
        const int r = source_index(row - s.pad, s.height, s.border);
        PairBits bits = {};
        if (r < 0) return bits;
        const char* const x = x_ + r * (s.x_row * s.bytes);
        const char* const y = y_ + r * (s.y_row * s.bytes);
        if (together_) {
            if (s.bytes == 4) {
                const uint2 of_x = __ldg(reinterpret_cast<const uint2*>(x)),
                            of_y = __ldg(reinterpret_cast<const uint2*>(y));
                return {{of_x.x, of_x.y}, {of_y.x, of_y.y}};
            }
            bits.x[0] = read_bits(x, 2 * s.bytes);
            bits.y[0] = read_bits(y, 2 * s.bytes);
            return bits;
        }
        if (first_ >= 0) {
            bits.x[0] = read_bits(x, s.bytes);
            bits.y[0] = read_bits(y, s.bytes);
        }
        if (second_ >= 0) {
            const int64_t step = second_ - max(first_, 0);
            bits.x[1] = read_bits(x + step * s.x_column * s.bytes, s.bytes);
            bits.y[1] = read_bits(y + step * s.y_column * s.bytes, s.bytes);
        }
        return bits;
    }

    __device__ __forceinline__ void to_float(const Source& s, const uint32_t (&bits)[2], float (&out)[2]) const {
        if (s.bytes == 4) {
            out[0] = __uint_as_float(bits[0]);
            out[1] = __uint_as_float(bits[1]);
            return;
        }
        // Two values read together share a word.
        const uint32_t low = s.bytes == 2 ? bits[0] & 0xffff : bits[0] & 0xff;
        const uint32_t high = together_ ? bits[0] >> (8 * s.bytes) : bits[1];
        out[0] = bits_to_float(low, s.dtype);
        out[1] = bits_to_float(high, s.dtype);
    }

    const char* x_;
    const char* y_;
    int first_, second_;  // columns of the image, or -1 for zeros
    bool together_;
};

}  // namespace limen::cuda
