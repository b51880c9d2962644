// The separable 11-tap blur of a strip of columns, sliding down: what the fast SSIM kernels are made of.
//
// 128 threads own two adjacent columns each. A row that comes in adds to eleven partial sums of every quantity, kept in registers, and
// completes one: no row is read twice and no shared memory is needed for the vertical pass. Completed rows go to shared memory in
// groups; there a warp takes one of them or half of one, and each lane blurs some adjacent columns along it, which reads two or four
// words a column instead of eleven.
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
constexpr int kHistory = kTaps - 1;

// Rows at a time: two, if registers are scarce, or four.
constexpr int kForwardGroup = 4, kGradientGroup = 2;

/// Columns that a lane blurs, all warps together a group.
template <int Group>
constexpr int kLaneColumns = Group * kStripColumns / kSlideThreads;

/// Groups of rows before the first sums are complete.
template <int Group>
constexpr int kAhead = (kHistory + Group - 1) / Group;

static_assert(kSlideThreads / 32 == kGateWarps);

// Blocks of a multiprocessor, which leave a thread 128 registers, or 168. Turing has shared memory for one anyway.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr int kForwardBlocks = 1, kMapBlocks = 1, kGradientBlocks = 1;
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
constexpr int kForwardBlocks = 3, kMapBlocks = 2, kGradientBlocks = 2;  // the map's kernel would spill
#else
constexpr int kForwardBlocks = 3, kMapBlocks = 3, kGradientBlocks = 2;
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

/// A group of rows of Q quantities in shared memory. Where lanes are eight columns apart, every other four columns lie in a second half
/// of the row, sixteen banks further, so that eight lanes touch all 32 banks.
template <int Q, int Group>
struct GroupRows {
    static constexpr bool kHalves = kLaneColumns<Group> == 8;
    // The last lanes look at columns that the strip doesn't have, and that nobody writes; no sum that counts holds them.
    static constexpr int kPitch = kStripColumns + (kHalves ? 32 : 12);
    static constexpr int kWords = Group * Q * kPitch;

    float* words;

    /// Two or four numbers side by side, where the first one's column is a multiple of that.
    template <class Words>
    __device__ __forceinline__ Words& at(int row, int q, int column) const {
        const int place = kHalves ? column / 4 % 2 * (kPitch / 2) + column / 8 * 4 + column % 4 : column;
        return *reinterpret_cast<Words*>(words + (row * Q + q) * kPitch + place);
    }
    __device__ __forceinline__ float2& pair(int row, int q, int thread) const { return at<float2>(row, q, 2 * thread); }
};

/// Where a warp stands among the `Slots` groups of a ring, and how often it has gone round.
template <int Slots>
struct RingPlace {
    int slot = 0;
    unsigned turn = 0;

    /// Of the `count`-th group.
    __device__ __forceinline__ static RingPlace of(int count) {
        const unsigned many = static_cast<unsigned>(count);
        return {static_cast<int>(many % Slots), many / Slots};
    }
    __device__ __forceinline__ void advance() {
        if (++slot == Slots) slot = 0, turn++;
    }
    __device__ __forceinline__ RingPlace before() const {
        return slot == 0 ? RingPlace{Slots - 1, turn - 1} : RingPlace{slot - 1, turn};
    }
};

/// Groups of rows that some warps write and some read. Of its gates, from `FirstGate` on, there are two for every slot: for those who
/// wait until it is written, and for those who wait until it is read.
template <int Q, int Group, int Slots, int FirstGate>
struct Ring {
    static constexpr int kSlots = Slots;
    static constexpr int kWords = Slots * GroupRows<Q, Group>::kWords;
    static constexpr int kEndGate = FirstGate + 2 * Slots;
    using Place = RingPlace<Slots>;

    float* words;

    __device__ __forceinline__ GroupRows<Q, Group> rows(const Place& at) const {
        return {words + at.slot * GroupRows<Q, Group>::kWords};
    }
    __device__ __forceinline__ static void open(const Gates& gates) {
        for (int i = FirstGate; i < kEndGate; i++) gates.open(i);
    }
    __device__ __forceinline__ static void wait_to_write(const Gates& gates, const Place& at) {
        if (at.turn > 0) gates.wait(FirstGate + Slots + at.slot, at.turn - 1);
    }
    __device__ __forceinline__ static void wait_to_read(const Gates& gates, const Place& at) {
        gates.wait(FirstGate + at.slot, at.turn);
    }
    __device__ __forceinline__ static void have_written(const Gates& gates, const Place& at) {
        gates.arrive(FirstGate + at.slot);
    }
    __device__ __forceinline__ static void have_read(const Gates& gates, const Place& at) {
        gates.arrive(FirstGate + Slots + at.slot);
    }
};

/// The row of a group that a lane blurs, and from which column on.
template <int Group>
struct LanePlace {
    int row, column;
    __device__ __forceinline__ LanePlace(int warp, int lane)
        : row(Group == 4 ? warp : warp / 2), column(kLaneColumns<Group> * (Group == 4 ? lane : warp % 2 * 32 + lane)) {
        static_assert(Group == 4 || Group == 2);
    }
};

/// N sums along a row, from `column` on, a multiple of N.
template <int N, class Rows>
__device__ __forceinline__ void blur_along(const Rows& rows, int row, int column, int q, const Taps& taps,
                                           float (&out)[N]) {
    constexpr int kWidth = N < 4 ? N : 4, kReads = (N + kHistory + kWidth - 1) / kWidth;
    using Words = std::conditional_t<kWidth == 4, float4, float2>;
    float word[kWidth * kReads];
#pragma unroll
    for (int i = 0; i < kReads; i++) {
        const Words few = rows.template at<Words>(row, q, column + kWidth * i);
        word[kWidth * i] = few.x, word[kWidth * i + 1] = few.y;
        if constexpr (kWidth == 4) word[4 * i + 2] = few.z, word[4 * i + 3] = few.w;
    }
#pragma unroll
    for (int j = 0; j < N; j++) out[j] = taps[0] * word[j];
#pragma unroll
    for (int k = 1; k < kTaps; k++)
#pragma unroll
        for (int j = 0; j < N; j++) out[j] = __fmaf_rn(taps[k], word[j + k], out[j]);
}

/// One of them.
template <class Rows>
__device__ __forceinline__ float sum_at(const Rows& rows, int row, int column, int q, const Taps& taps) {
    float sum = 0;
#pragma unroll
    for (int k = 0; k < kTaps; k++) sum = __fmaf_rn(taps[k], rows.template at<float>(row, q, column + k), sum);
    return sum;
}

}  // namespace limen::cuda
