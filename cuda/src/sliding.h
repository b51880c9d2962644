// The separable 11-tap blur of a strip of columns, sliding down: what the fast SSIM kernels are made of.
//
// 128 threads own two adjacent columns each. A row that comes in adds to eleven partial sums of every quantity, kept in registers, and
// completes one: no row is read twice and no shared memory is needed for the vertical pass. Completed rows go to shared memory four at
// a time; there a warp takes one of them, and each lane blurs eight adjacent columns along it, which reads 2.5 words a column instead
// of eleven.
#pragma once

#include "device.h"

#include "kernels.h"

namespace limen::cuda {

constexpr int kTaps = 11;
constexpr int kSlideThreads = 128;                // also columns, in pairs
constexpr int kStripColumns = 2 * kSlideThreads;  // that come in; ten fewer go out
constexpr int kGroup = 4;                         // rows at a time, one for each warp
constexpr int kLaneColumns = 8;

// Blocks of a multiprocessor, which decides how many registers a thread has: 168 and 128. Turing has shared memory for one anyway.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr int kForwardBlocks = 1, kGradientBlocks = 1;
#else
constexpr int kForwardBlocks = 3, kGradientBlocks = 2;
#endif

/// Half of the window, tap[0] in its middle.
struct Taps {
    float tap[kTaps / 2 + 1];
    __device__ __forceinline__ float operator[](int i) const {
        return tap[i < kTaps / 2 ? kTaps / 2 - i : i - kTaps / 2];
    }
};

inline Taps taps_of(const detail::Window& window) {
    Taps taps = {};
    for (int i = 0; i <= kTaps / 2 && i <= window.reach; i++) taps.tap[i] = static_cast<float>(window.tap[i]);
    return taps;
}

/// Partial sums of Q quantities down two columns.
template <int Q>
class ColumnSums {
  public:
    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int q = 0; q < Q; q++)
#pragma unroll
            for (int c = 0; c < 2; c++)
#pragma unroll
                for (int i = 0; i < kTaps - 1; i++) sum_[q][c][i] = 0;
    }

    /// Takes the next row's `value` of quantity q in column c and gives the sum that it completes. From the oldest sum on, so that each
    /// multiply-add also moves its sum to the next place.
    __device__ __forceinline__ float add(int q, int c, float value, const Taps& taps) {
        float (&sum)[kTaps - 1] = sum_[q][c];
        const float out = __fmaf_rn(taps[kTaps - 1], value, sum[kTaps - 2]);
#pragma unroll
        for (int i = kTaps - 2; i > 0; i--) sum[i] = __fmaf_rn(taps[i], value, sum[i - 1]);
        sum[0] = taps[0] * value;
        return out;
    }

  private:
    float sum_[Q][2][kTaps - 1];  // sum_[.][.][i] holds i + 1 terms
};

/// Rows of a strip in shared memory. Every other four columns lie in a second half, sixteen banks further: eight lanes that read four
/// words each, eight columns apart, then touch all 32 banks, as do 16 lanes that write pairs side by side.
template <int Rows>
struct StripRows {
    static constexpr int kHalf = Rows * kStripColumns / 2 + 16;
    static constexpr int kWords = Rows * kStripColumns + 16;

    float* words;

    __device__ __forceinline__ float2& pair(int row, int thread) const {
        const int quad = thread / 2;
        return *reinterpret_cast<float2*>(words + (quad % 2) * kHalf + row * (kStripColumns / 2) + quad / 2 * 4 +
                                          thread % 2 * 2);
    }
    __device__ __forceinline__ float& word(int row, int column) const {
        const int quad = column / 4;
        return words[(quad % 2) * kHalf + row * (kStripColumns / 2) + quad / 2 * 4 + column % 4];
    }
    /// Columns 8 * lane + 4 * i and the three after it.
    __device__ __forceinline__ float4& quad(int row, int lane, int i) const {
        return *reinterpret_cast<float4*>(words + (i % 2) * kHalf + row * (kStripColumns / 2) + (lane + i / 2) * 4);
    }
    /// The same for a sum, or another quad of the row where sums would see columns that the strip doesn't have.
    __device__ __forceinline__ float4 summand(int row, int lane, int i) const {
        constexpr int kLast = kStripColumns / kLaneColumns - 1;
        return i == 4 ? quad(row, min(lane, kLast - 2), i) : quad(row, min(lane, kLast - 1), i);
    }
};

/// N sums along a row, from column 8 * lane + 4 * First on.
template <int First, int N, class Rows>
__device__ __forceinline__ void blur_along(const Rows& rows, int row, int lane, const Taps& taps, float (&out)[N]) {
    constexpr int kQuads = (N + kTaps - 1 + 3) / 4;
    float word[4 * kQuads];
#pragma unroll
    for (int i = 0; i < kQuads; i++) {
        const float4 four = rows.summand(row, lane, First + i);
        word[4 * i] = four.x, word[4 * i + 1] = four.y, word[4 * i + 2] = four.z, word[4 * i + 3] = four.w;
    }
#pragma unroll
    for (int j = 0; j < N; j++) out[j] = taps[0] * word[j];
#pragma unroll
    for (int k = 1; k < kTaps; k++)
#pragma unroll
        for (int j = 0; j < N; j++) out[j] = __fmaf_rn(taps[k], word[j + k], out[j]);
}

}  // namespace limen::cuda
