// Sums whose order is fixed and whose rounding errors stay small.
#pragma once

#include "device.h"

namespace limen::cuda {

/// Adds with the rounding error of the sum so far carried along: float32 alone would lose a digit in a tile.
template <class T>
struct LongSum {
    T sum = 0, excess = 0;
    __device__ __forceinline__ void add(T value) {
        const T wanted = value - excess, next = sum + wanted;
        excess = (next - sum) - wanted;
        sum = next;
    }
    __device__ __forceinline__ double value() const { return static_cast<double>(sum) - static_cast<double>(excess); }
};

/// The sum over the block's threads, in thread 0. `words` is shared memory, a number for each warp; what the block had there before
/// may be lost.
__device__ __forceinline__ double block_sum(double value, double* words) {
#pragma unroll
    for (int i = 16; i > 0; i /= 2) value += __shfl_xor_sync(0xffffffffu, value, i);
    __syncthreads();
    if (threadIdx.x % 32 == 0) words[threadIdx.x / 32] = value;
    __syncthreads();
    double sum = 0;
    for (int i = 0; threadIdx.x == 0 && i < static_cast<int>(blockDim.x) / 32; i++) sum += words[i];
    return sum;
}

}  // namespace limen::cuda
