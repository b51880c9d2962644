// Gates of cuda/src/device.h: warps wait until others have arrived, which go on meanwhile.
#pragma once

#include <cstdint>

#include "fault.h"

namespace cuda_emulation {

void gate_open(std::uint64_t* word, const Where& where);
void gate_arrive(std::uint64_t* word, unsigned warps, const Where& where);
void gate_wait(std::uint64_t* word, unsigned turn, const Where& where);

}  // namespace cuda_emulation

namespace limen::cuda {

constexpr unsigned kGateWarps = 4;

struct Gate {
    std::uint64_t word;

    using Where = cuda_emulation::Where;
    void open(Where where = Where::current()) { cuda_emulation::gate_open(&word, where); }
    void arrive(Where where = Where::current()) { cuda_emulation::gate_arrive(&word, kGateWarps, where); }
    void wait(unsigned turn, Where where = Where::current()) { cuda_emulation::gate_wait(&word, turn, where); }
};

}  // namespace limen::cuda
