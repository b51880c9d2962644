// The order in which the threads of a block get on, and what else the hardware leaves open.
#pragma once

#include <cstdint>
#include <string>

namespace cuda_emulation {

enum class Order {
    forward,       ///< every thread as far as its next barrier, from the first to the last
    backward,      ///< from the last to the first
    warp_by_warp,  ///< a warp runs until it waits for others, then the next, in random order
    shuffled       ///< a new random order after every barrier
};

/// One way in which a GPU might run a kernel. A kernel is right if its results are the same bit for bit under every one of them.
struct Schedule {
    Order order = Order::forward;
    bool blocks_backward = false;
    std::uint32_t garbage = 0xffffffff;  ///< what shared memory holds at first: a NaN
    std::uint64_t seed = 0;
};

/// Schedules 0 to 3 have one of the orders each, and so do the next four, with other random numbers and other garbage.
Schedule schedule(unsigned number);
std::string describe(const Schedule& schedule);

/// For the launches of this thread of the process from now on.
void set_schedule(const Schedule& schedule);
const Schedule& current_schedule();

}  // namespace cuda_emulation
