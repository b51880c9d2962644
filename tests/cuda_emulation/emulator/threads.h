// Where a thread stands in its block and grid, and how it meets the others.
#pragma once

#include <cstdint>
#include <cstring>

#include "fault.h"
#include "vector_types.h"

namespace cuda_emulation {

struct Indices {
    uint3 thread, block;
    dim3 block_size, grid_size;
};
/// Of the thread that calls.
const Indices& indices();
int lane();

void block_barrier(const Where& where);
/// The same, and whether any thread of the block brought true along.
bool block_vote(bool predicate, const Where& where);
void warp_barrier(unsigned mask, const Where& where);

/// The word that lane `source` of the calling thread's warp brought along.
std::uint64_t exchange(const char* construct, unsigned mask, std::uint64_t word, int source, const Where& where);
/// A bit for each lane of the mask that brought true along.
unsigned vote(const char* construct, unsigned mask, bool predicate, const Where& where);

template <class T>
T exchange_value(const char* construct, unsigned mask, T value, int source, const Where& where) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    word = exchange(construct, mask, word, source, where);
    std::memcpy(&value, &word, sizeof value);
    return value;
}

}  // namespace cuda_emulation

#define threadIdx (::cuda_emulation::indices().thread)
#define blockIdx (::cuda_emulation::indices().block)
#define blockDim (::cuda_emulation::indices().block_size)
#define gridDim (::cuda_emulation::indices().grid_size)
constexpr int warpSize = 32;

inline void __syncthreads(cuda_emulation::Where where = cuda_emulation::Where::current()) {
    cuda_emulation::block_barrier(where);
}

inline int __syncthreads_or(int predicate, cuda_emulation::Where where = cuda_emulation::Where::current()) {
    return cuda_emulation::block_vote(predicate != 0, where);
}

inline void __syncwarp(unsigned mask = 0xffffffff, cuda_emulation::Where where = cuda_emulation::Where::current()) {
    cuda_emulation::warp_barrier(mask, where);
}

// Lanes are counted within segments of `width`; a lane whose source lies outside of its segment keeps its own value.

template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = warpSize,
                     cuda_emulation::Where where = cuda_emulation::Where::current()) {
    const int lane = cuda_emulation::lane(), first = lane / width * width;
    return cuda_emulation::exchange_value("__shfl_sync", mask, value, first + (source & (width - 1)), where);
}

template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                        cuda_emulation::Where where = cuda_emulation::Where::current()) {
    const int lane = cuda_emulation::lane(), first = lane / width * width, source = lane - static_cast<int>(delta);
    return cuda_emulation::exchange_value("__shfl_up_sync", mask, value, source < first ? lane : source, where);
}

template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                          cuda_emulation::Where where = cuda_emulation::Where::current()) {
    const int lane = cuda_emulation::lane(), last = lane / width * width + width - 1,
              source = lane + static_cast<int>(delta);
    return cuda_emulation::exchange_value("__shfl_down_sync", mask, value, source > last ? lane : source, where);
}

template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize,
                         cuda_emulation::Where where = cuda_emulation::Where::current()) {
    const int lane = cuda_emulation::lane(), last = lane / width * width + width - 1, source = lane ^ lanes;
    return cuda_emulation::exchange_value("__shfl_xor_sync", mask, value, source > last ? lane : source, where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              cuda_emulation::Where where = cuda_emulation::Where::current()) {
    return cuda_emulation::vote("__ballot_sync", mask, predicate != 0, where);
}

inline int __any_sync(unsigned mask, int predicate, cuda_emulation::Where where = cuda_emulation::Where::current()) {
    return cuda_emulation::vote("__any_sync", mask, predicate != 0, where) != 0;
}

inline int __all_sync(unsigned mask, int predicate, cuda_emulation::Where where = cuda_emulation::Where::current()) {
    return cuda_emulation::vote("__all_sync", mask, predicate == 0, where) == 0;
}
