// A kernel with a fault in it, chosen at run time, for the tests of the emulator: each must be found, and without one the kernel must pass.
#pragma once

#include <cstddef>

namespace planted {

enum class Plant {
    none,
    shared_race,        // a neighbour's number read without a barrier since it was written
    write_after_read,   // a number overwritten without a barrier since a neighbour read it
    warp_race,          // a number of a lane's read without __syncwarp
    global_race,        // an element that all threads of a block write
    block_race,         // an element that another block writes, read
    shared_overrun,     // a read behind shared memory
    shared_underrun,    // a read before it
    copy_overrun,       // an asynchronous copy from behind the input
    global_read,        // a read behind the input
    global_write,       // a write behind the output
    skipped_barrier,    // passed by by half of the threads
    skipped_syncwarp,   // passed by by half of the lanes
    divergent_barrier,  // each half of the threads at a barrier of its own
    early_exit,         // of one thread, before a barrier
    late_wait,          // for copies, after they were read
    short_wait,         // for all but the last group of copies
    abandoned_copy,     // never waited for, nor read
    misaligned_copy,
    misaligned_vector,
    inactive_lane,  // read by a shuffle, but not in its mask
    absent_lane,    // in the mask of a shuffle, but not there
    foreign_mask,   // which leaves out the calling lane
    gate_race,      // a number of another warp's read without waiting at the gate
    closed_gate,    // that nobody opened
    lonely_gate,    // at which one warp never arrives
    late_at_gate,   // a wait for the turn before the last
    uninitialised,  // shared memory read before it was written
    count
};

const char* name(Plant plant);

constexpr int kBlocks = 3, kThreads = 128;
constexpr std::size_t kInputs = std::size_t{kBlocks} * kThreads + 1, kOutputs = std::size_t{kBlocks} * kThreads;

/// Inputs and outputs in as much memory as they need and no more.
void run(const float* in, float* out, Plant plant);

/// What comes out, computed simply.
float expected(const float* in, std::size_t i);

}  // namespace planted
