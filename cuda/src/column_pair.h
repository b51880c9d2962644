// Two adjacent columns of a pair of images, read row by row.
#pragma once

#include "sliding.h"
#include "source.h"

namespace limen::cuda {

/// Values as they lie in memory: x of both columns, y of both.
struct PairBits {
    uint32_t x[2], y[2];
};

/// A thread's next rows, on their way: float32 ones to shared memory, which spares registers, others to registers.
template <bool floats, int Group>
struct IncomingRows {
    static constexpr int kWords = 0;  // of shared memory, of eight bytes

    PairBits bits[Group];

    __device__ __forceinline__ explicit IncomingRows(uint2*) {}
    __device__ __forceinline__ void wait() const {}
    __device__ __forceinline__ PairBits row(int i) const { return bits[i]; }
};

template <int Group>
struct IncomingRows<true, Group> {
    static constexpr int kWords = 2 * Group * kSlideThreads;

    uint2* words;  // this thread's first

    __device__ __forceinline__ explicit IncomingRows(uint2* of_block) : words(of_block + threadIdx.x % kSlideThreads) {
#pragma unroll
        for (int i = 0; i < Group; i++) clear(i);
    }
    __device__ __forceinline__ uint2* x(int i) const { return words + 2 * i * kSlideThreads; }
    __device__ __forceinline__ uint2* y(int i) const { return words + (2 * i + 1) * kSlideThreads; }
    __device__ __forceinline__ void clear(int i) const { *x(i) = *y(i) = {0, 0}; }
    __device__ __forceinline__ void wait() const { copy_async_wait<0>(); }
    __device__ __forceinline__ PairBits row(int i) const {
        const uint2 of_x = *x(i), of_y = *y(i);
        return {{of_x.x, of_x.y}, {of_y.x, of_y.y}};
    }
};

/// Of float32 images if `floats`, else of others.
template <bool floats>
class ColumnPair {
  public:
    ColumnPair() = default;

    /// Padded columns `column` and the next; from `end` on (padded) nothing is needed, and zeros are read.
    __device__ __forceinline__ ColumnPair(const Source& s, const PlaneSource& plane, int column, int end) {
        const int a = column - s.pad, first = column < end ? source_index(a, s.width, s.border) : -1,
                  second = column + 1 < end ? source_index(a + 1, s.width, s.border) : -1;
        x_ = plane.x + max(first, 0) * s.x_column * bytes(s);
        y_ = plane.y + max(first, 0) * s.y_column * bytes(s);
        step_ = second - max(first, 0);
        has_first_ = first >= 0;
        has_second_ = second >= 0;
        together_ = s.pairs && first >= 0 && second == first + 1 && first % 2 == 0;
    }

    /// Padded rows from `row` on, none outside [begin, end): the nearest inside takes its place.
    template <int N>
    __device__ __forceinline__ void read(const Source& s, int row, int begin, int end, PairBits (&bits)[N]) const {
        if (floats && all_together(s, row, N, begin, end)) {
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

    /// Sends for the next `Group` rows. None is waited for here: a warp that did at an image's side would hold up its block.
    template <int Group>
    __device__ __forceinline__ void fetch(const Source& s, int row, int begin, int end,
                                          IncomingRows<floats, Group>& rows) const {
        if constexpr (!floats) {
            read(s, row, begin, end, rows.bits);
        } else {
            if (all_together(s, row, Group, begin, end)) {
                const char* const x = x_ + (row - s.pad) * (s.x_row * 4);
                const char* const y = y_ + (row - s.pad) * (s.y_row * 4);
#pragma unroll
                for (int i = 0; i < Group; i++) {
                    copy_async<8>(rows.x(i), x + i * (s.x_row * 4));
                    copy_async<8>(rows.y(i), y + i * (s.y_row * 4));
                }
                copy_async_commit();
                return;
            }
            if (!has_first_ && !has_second_) return;  // zeros, which are there
#pragma unroll 1
            for (int i = 0; i < Group; i++) {
                const int r = source_index(min(max(row + i, begin), end - 1) - s.pad, s.height, s.border);
                if (r < 0) {
                    rows.clear(i);
                    continue;
                }
                const char* const x = x_ + r * s.x_row * 4;
                const char* const y = y_ + r * s.y_row * 4;
                if (together_) {
                    copy_async<8>(rows.x(i), x);
                    copy_async<8>(rows.y(i), y);
                    continue;
                }
                if (has_first_) {
                    copy_async<4>(&rows.x(i)->x, x);
                    copy_async<4>(&rows.y(i)->x, y);
                }
                if (has_second_) {
                    copy_async<4>(&rows.x(i)->y, x + step_ * s.x_column * 4);
                    copy_async<4>(&rows.y(i)->y, y + step_ * s.y_column * 4);
                }
            }
            copy_async_commit();
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
    __device__ __forceinline__ static int bytes(const Source& s) { return floats ? 4 : s.bytes; }

    // Whether both columns of so many rows lie side by side in the image.
    __device__ __forceinline__ bool all_together(const Source& s, int row, int rows, int begin, int end) const {
        return together_ && row >= max(begin, s.pad) && row + rows <= min(end, s.height + s.pad);
    }

    __device__ __forceinline__ PairBits read_row(const Source& s, int row) const {
        const int r = source_index(row - s.pad, s.height, s.border);
        PairBits bits = {};
        if (r < 0) return bits;
        const char* const x = x_ + r * (s.x_row * bytes(s));
        const char* const y = y_ + r * (s.y_row * bytes(s));
        if (together_) {
            if (floats) {
                const uint2 of_x = __ldg(reinterpret_cast<const uint2*>(x)),
                            of_y = __ldg(reinterpret_cast<const uint2*>(y));
                return {{of_x.x, of_x.y}, {of_y.x, of_y.y}};
            }
            bits.x[0] = read_bits(x, 2 * bytes(s));
            bits.y[0] = read_bits(y, 2 * bytes(s));
            return bits;
        }
        if (has_first_) {
            bits.x[0] = read_bits(x, bytes(s));
            bits.y[0] = read_bits(y, bytes(s));
        }
        if (has_second_) {
            bits.x[1] = read_bits(x + step_ * (s.x_column * bytes(s)), bytes(s));
            bits.y[1] = read_bits(y + step_ * (s.y_column * bytes(s)), bytes(s));
        }
        return bits;
    }

    __device__ __forceinline__ void to_float(const Source& s, const uint32_t (&bits)[2], float (&out)[2]) const {
        if (floats) {
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
    int step_;                                // from the first column of the image to the second
    bool has_first_, has_second_, together_;  // else zeros
};

}  // namespace limen::cuda
