// The separable blur of a tile by any window, in float32 or float64: what the general kernels are made of. Every input row is read once
// for the tile's few rows, whose sums are kept in registers.
#pragma once

#include "device.h"

#include "kernels.h"

namespace limen::cuda {

using detail::Window;

constexpr int kTileThreads = 128;
constexpr int kTileColumns = kTileThreads;
// As many as keep the widest window's sums within the shared memory of the smallest device.
template <class T>
constexpr int kTileRows = sizeof(T) == 4 ? 8 : 4;

template <class T, int Q>
std::size_t tile_blur_bytes(const Window& window) {
    const int size = 2 * window.reach + 1;
    return static_cast<std::size_t>(size + kTileRows<T> * Q * (kTileColumns + size - 1)) * sizeof(T);
}

/// Sums of Q quantities over the windows of the thread's column. load(i, j, value) gives those at row i and column j of what the windows of
/// the tile see. All threads of the block must call it, once.
template <class T, int Q, class Load>
__device__ __forceinline__ void blur_tile(const Window& window, const Load& load, T (&out)[kTileRows<T>][Q]) {
    constexpr int R = kTileRows<T>;
    const int thread = threadIdx.x, size = 2 * window.reach + 1, columns = kTileColumns + size - 1;
    T* const taps = shared_memory<T>();
    T* const rows = taps + size;  // [row][quantity][column]
    for (int k = thread; k < size; k += kTileThreads)
        taps[k] = static_cast<T>(window.tap[k < window.reach ? window.reach - k : k - window.reach]);
    __syncthreads();
    for (int j = thread; j < columns; j += kTileThreads) {
        T sum[R][Q] = {};
        for (int i = 0; i < size + R - 1; i++) {
            T value[Q];
            load(i, j, value);
#pragma unroll
            for (int r = 0; r < R; r++) {
                if (i < r || i - r >= size) continue;  // not times zero, which would spread NaN
                const T tap = taps[i - r];
#pragma unroll
                for (int q = 0; q < Q; q++) sum[r][q] += tap * value[q];
            }
        }
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
            for (int q = 0; q < Q; q++) rows[(r * Q + q) * columns + j] = sum[r][q];
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
        for (int q = 0; q < Q; q++) out[r][q] = 0;
    for (int k = 0; k < size; k++) {
        const T tap = taps[k];
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
            for (int q = 0; q < Q; q++) out[r][q] += tap * rows[(r * Q + q) * columns + thread + k];
    }
}

}  // namespace limen::cuda
