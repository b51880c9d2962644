// The separable 11-tap blur of a strip of columns, sliding down: what the fast SSIM kernels are made of.
//
// 128 threads own two adjacent columns each. A row that comes in adds to eleven partial sums of every quantity, kept in registers, and
// completes one: no row is read twice and no shared memory is needed for the vertical pass. Completed rows go to shared memory two at
// a time; there a warp takes half of one, and each lane blurs four adjacent columns along it, which reads four words a column instead
// of eleven.
//
// A block's warps don't stop for one another: rows lie in a ring of groups, and a warp that has added its columns of one goes on to
// blur the group before, whose other columns have come meanwhile.
#pragma once

#include "device.h"

#include "kernels.h"

#include <type_traits>

namespace limen::cuda {

constexpr int kTaps = 11;
constexpr int kSlideThreads = 128;                // also columns, in pairs
constexpr int kStripColumns = 2 * kSlideThreads;  // that come in; ten fewer go out
constexpr int kGroup = 2;                         // rows at a time, each blurred by two warps
constexpr int kLaneColumns = 4;
constexpr int kAhead = (kTaps - 1) / kGroup;  // groups of rows before the first sums are complete

static_assert(kSlideThreads / 32 == kGateWarps && kGateWarps * 32 * kLaneColumns == kGroup * kStripColumns);

// Blocks of a multiprocessor, which leave a thread 128 registers, or 168. Turing has shared memory for one anyway.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr int kForwardBlocks = 1, kBusyForwardBlocks = 1, kGradientBlocks = 1;
#else
constexpr int kForwardBlocks = 4, kBusyForwardBlocks = 3, kGradientBlocks = 2;
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

/// A group of rows of Q quantities in shared memory.
template <int Q>
struct GroupRows {
    // The last lanes look at columns that the strip doesn't have, and that nobody writes; no sum that counts holds them.
    static constexpr int kPitch = kStripColumns + 3 * kLaneColumns;
    static constexpr int kWords = kGroup * Q * kPitch;

    float* words;

    /// Two or four numbers side by side, where the first one's column is a multiple of that.
    template <class Words>
    __device__ __forceinline__ Words& at(int row, int q, int column) const {
        return *reinterpret_cast<Words*>(words + (row * Q + q) * kPitch + column);
    }
    __device__ __forceinline__ float2& pair(int row, int q, int thread) const { return at<float2>(row, q, 2 * thread); }
};

/// Where a warp stands among the `Slots` groups of a ring, and how often it has gone round.
template <int Slots>
struct RingPlace {
    int slot = 0;
    unsigned turn = 0;
    __device__ __forceinline__ void advance() {
        if (++slot == Slots) slot = 0, turn++;
    }
    __device__ __forceinline__ RingPlace before() const {
        return slot == 0 ? RingPlace{Slots - 1, turn - 1} : RingPlace{slot - 1, turn};
    }
};

/// Groups of rows that some warps write and some read.
template <int Q, int Slots>
struct Ring {
    static constexpr int kSlots = Slots;
    static constexpr int kWords = Slots * GroupRows<Q>::kWords;

    float* words;
    Gate* written;  // of every slot
    Gate* read;

    __device__ __forceinline__ GroupRows<Q> rows(const RingPlace<Slots>& at) const {
        return {words + at.slot * GroupRows<Q>::kWords};
    }
    __device__ __forceinline__ void open() const {
        for (int i = 0; i < Slots; i++) written[i].open(), read[i].open();
    }
    __device__ __forceinline__ void wait_to_write(const RingPlace<Slots>& at) const {
        if (at.turn > 0) read[at.slot].wait(at.turn - 1);
    }
    __device__ __forceinline__ void wait_to_read(const RingPlace<Slots>& at) const { written[at.slot].wait(at.turn); }
    __device__ __forceinline__ void have_written(const RingPlace<Slots>& at) const { written[at.slot].arrive(); }
    __device__ __forceinline__ void have_read(const RingPlace<Slots>& at) const { read[at.slot].arrive(); }
};

/// The row of a group that a warp blurs, and which four columns of it a lane.
struct LanePlace {
    int row, quad;
    __device__ __forceinline__ LanePlace(int warp, int lane) : row(warp / 2), quad(warp % 2 * 32 + lane) {}
    __device__ __forceinline__ int column() const { return kLaneColumns * quad; }
};

/// N sums along a row, from `column` on, a multiple of N, which is 2 or 4.
template <int Q, int N>
__device__ __forceinline__ void blur_along(const GroupRows<Q>& rows, int row, int column, int q, const Taps& taps,
                                           float (&out)[N]) {
    using Words = std::conditional_t<N == 4, float4, float2>;
    constexpr int kReads = (N + kTaps - 1 + N - 1) / N;
    float word[N * kReads];
#pragma unroll
    for (int i = 0; i < kReads; i++) {
        const Words few = rows.template at<Words>(row, q, column + N * i);
        word[N * i] = few.x, word[N * i + 1] = few.y;
        if constexpr (N == 4) word[N * i + 2] = few.z, word[N * i + 3] = few.w;
    }
#pragma unroll
    for (int j = 0; j < N; j++) out[j] = taps[0] * word[j];
#pragma unroll
    for (int k = 1; k < kTaps; k++)
#pragma unroll
        for (int j = 0; j < N; j++) out[j] = __fmaf_rn(taps[k], word[j + k], out[j]);
}

}  // namespace limen::cuda
