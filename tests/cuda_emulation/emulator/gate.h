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
using Gate = std::uint64_t;

class Gates {
  public:
    using Where = cuda_emulation::Where;

    explicit Gates(Gate* gates) : gates_(gates) {}
    void open(int gate, Where where = Where::current()) const { cuda_emulation::gate_open(gates_ + gate, where); }
    void arrive(int gate, Where where = Where::current()) const {
        cuda_emulation::gate_arrive(gates_ + gate, kGateWarps, where);
    }
    void wait(int gate, unsigned turn, Where where = Where::current()) const {
        cuda_emulation::gate_wait(gates_ + gate, turn, where);
    }

  private:
    Gate* gates_;
};

}  // namespace limen::cuda
