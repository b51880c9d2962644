// From one stack to another, without the system calls of swapcontext.
#pragma once

#include <cstddef>

namespace cuda_emulation {

/// Leaves the stack in use, noting in *left where it stands, and goes on where `entered` stands.
extern "C" void cuda_emulation_switch_stack(void** left, void* entered);

/// Where an unused stack stands whose first switch calls `entry`, which must not return.
void* new_stack(std::byte* begin, std::size_t size, void (*entry)());

}  // namespace cuda_emulation
