// Two adjacent columns of a pair of images, read row by row.
#pragma once

#include "sliding.h"
#include "source.h"

namespace limen::cuda {

/// A row's values as they lie in memory: x of both columns, y of both. Two narrow ones share a word, the first.
struct PairBits {
    uint32_t x[2], y[2];
};

/// A thread's next rows, on their way: narrow ones to registers, float32 ones to shared memory, which spares registers.
template <Pixels kind, int Group>
struct IncomingRows {
    static constexpr int kWords = 2 * Group * kSlideThreads;  // of shared memory, of eight bytes

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

template <int Group>
struct IncomingRows<Pixels::narrow, Group> {
    static constexpr int kWords = 0;

    uint32_t x[Group], y[Group];

    __device__ __forceinline__ explicit IncomingRows(uint2*) {}
    __device__ __forceinline__ void wait() const {}
    __device__ __forceinline__ PairBits row(int i) const { return {{x[i], 0}, {y[i], 0}}; }
};

template <Pixels kind>
class ColumnPair {
  public:
    ColumnPair() = default;

    /// Padded columns `column` and the next; from `end` on (padded) nothing is needed, and zeros are read.
    __device__ __forceinline__ ColumnPair(const Source& s, const PlaneSource& plane, int column, int end) {
        const int a = column - s.pad, first = column < end ? source_index(a, s.width, s.border) : -1,
                  second = column + 1 < end ? source_index(a + 1, s.width, s.border) : -1;
        x_ = kept(plane.x + max(first, 0) * s.x_column * bytes(s));
        y_ = kept(plane.y + max(first, 0) * s.y_column * bytes(s));
        step_ = second - max(first, 0);
        has_first_ = first >= 0;
        has_second_ = second >= 0;
        together_ = s.pairs && first >= 0 && second == first + 1 && first % 2 == 0;
    }

    /// Padded rows from `row` on, none outside [begin, end): the nearest inside takes its place.
    template <int N>
    __device__ __forceinline__ void read(const Source& s, int row, int begin, int end, PairBits (&bits)[N]) const {
        if (kind != Pixels::narrow && together_ && inside(s, row, N, begin, end)) {
#pragma unroll
            for (int i = 0; i < N; i++) {
                const uint2 of_x = __ldg(reinterpret_cast<const uint2*>(x_at(s, row + i - s.pad))),
                            of_y = __ldg(reinterpret_cast<const uint2*>(y_at(s, row + i - s.pad)));
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
                                          IncomingRows<kind, Group>& rows) const {
        if constexpr (kind == Pixels::narrow) {
            if (together_ && inside(s, row, Group, begin, end)) {
                if (s.bytes == 1) fetch_pairs<unsigned short>(s, row - s.pad, rows);
                else fetch_pairs<unsigned int>(s, row - s.pad, rows);
                return;
            }
            if (!has_first_ && !has_second_) {
#pragma unroll
                for (int i = 0; i < Group; i++) rows.x[i] = rows.y[i] = 0;
                return;
            }
#pragma unroll
            for (int i = 0; i < Group; i++) {
                const PairBits bits = read_row(s, min(max(row + i, begin), end - 1));
                rows.x[i] = bits.x[0];
                rows.y[i] = bits.y[0];
            }
        } else {
            if (inside(s, row, Group, begin, end)) {
                if (together_) {
#pragma unroll
                    for (int i = 0; i < Group; i++) {
                        copy_async<8>(rows.x(i), x_at(s, row + i - s.pad));
                        copy_async<8>(rows.y(i), y_at(s, row + i - s.pad));
                    }
                } else if (has_first_ || has_second_) {
#pragma unroll
                    for (int i = 0; i < Group; i++)
                        copy_row(s, i, x_at(s, row + i - s.pad), y_at(s, row + i - s.pad), rows);
                }
            } else if (has_first_ || has_second_) {  // else zeros, which are there
#pragma unroll 1
                for (int i = 0; i < Group; i++) {
                    const int r = source_index(min(max(row + i, begin), end - 1) - s.pad, s.height, s.border);
                    if (r < 0) rows.clear(i);
                    else copy_row(s, i, x_ + r * s.x_row * 4, y_ + r * s.y_row * 4, rows);
                }
            }
            copy_async_commit();
        }
    }

    /// u and v about the center, given with the bias of narrow numbers.
    __device__ __forceinline__ void convert(const Source& s, const PairBits& bits, float first, float second,
                                            float (&u)[2], float (&v)[2]) const {
        float x[2], y[2];
        to_float(s, bits, x, y);
#pragma unroll
        for (int c = 0; c < 2; c++) pair_to_uv<kind>(x[c] - first, y[c] - second, u[c], v[c]);
    }

    /// The numbers themselves, narrow ones larger by their bias.
    __device__ __forceinline__ void to_float(const Source& s, const PairBits& bits, float (&x)[2],
                                             float (&y)[2]) const {
        if constexpr (kind == Pixels::narrow) {
            narrow_to_float(s.narrow, bits.x[0], x);
            narrow_to_float(s.narrow, bits.y[0], y);
        } else {
#pragma unroll
            for (int c = 0; c < 2; c++) x[c] = __uint_as_float(bits.x[c]), y[c] = __uint_as_float(bits.y[c]);
        }
    }

  private:
    __device__ __forceinline__ static int bytes(const Source& s) { return kind == Pixels::narrow ? s.bytes : 4; }

    // Whether so many rows lie in the image, and near one another.
    __device__ __forceinline__ static bool inside(const Source& s, int row, int rows, int begin, int end) {
        return s.near_rows && row >= max(begin, s.pad) && row + rows <= min(end, s.height + s.pad);
    }
    __device__ __forceinline__ const char* x_at(const Source& s, int row) const {
        return x_ + static_cast<int64_t>(row) * s.x_row_bytes;
    }
    __device__ __forceinline__ const char* y_at(const Source& s, int row) const {
        return y_ + static_cast<int64_t>(row) * s.y_row_bytes;
    }

    template <int Group>
    __device__ __forceinline__ void copy_row(const Source& s, int i, const char* x, const char* y,
                                             const IncomingRows<kind, Group>& rows) const {
        if (has_first_) {
            copy_async<4>(&rows.x(i)->x, x);
            copy_async<4>(&rows.y(i)->x, y);
        }
        if (has_second_) {
            copy_async<4>(&rows.x(i)->y, x + step_ * s.x_column * 4);
            copy_async<4>(&rows.y(i)->y, y + step_ * s.y_column * 4);
        }
    }

    template <class Word, int Group>
    __device__ __forceinline__ void fetch_pairs(const Source& s, int row, IncomingRows<kind, Group>& rows) const {
#pragma unroll
        for (int i = 0; i < Group; i++) {
            rows.x[i] = __ldg(reinterpret_cast<const Word*>(x_at(s, row + i)));
            rows.y[i] = __ldg(reinterpret_cast<const Word*>(y_at(s, row + i)));
        }
    }

    __device__ __forceinline__ PairBits read_row(const Source& s, int row) const {
        const int r = source_index(row - s.pad, s.height, s.border);
        PairBits bits = {};
        if (r < 0) return bits;
        const char* const x = x_ + r * (s.x_row * bytes(s));
        const char* const y = y_ + r * (s.y_row * bytes(s));
        if (together_) {
            if constexpr (kind == Pixels::narrow) {
                bits.x[0] = read_bits(x, 2 * bytes(s));
                bits.y[0] = read_bits(y, 2 * bytes(s));
            } else {
                const uint2 of_x = __ldg(reinterpret_cast<const uint2*>(x)),
                            of_y = __ldg(reinterpret_cast<const uint2*>(y));
                bits = {{of_x.x, of_x.y}, {of_y.x, of_y.y}};
            }
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
        if constexpr (kind == Pixels::narrow) {
            bits.x[0] |= bits.x[1] << (8 * s.bytes);
            bits.y[0] |= bits.y[1] << (8 * s.bytes);
        }
        return bits;
    }

    const char* x_;
    const char* y_;
    int step_;                                // from the first column of the image to the second
    bool has_first_, has_second_, together_;  // else zeros
};

}  // namespace limen::cuda
