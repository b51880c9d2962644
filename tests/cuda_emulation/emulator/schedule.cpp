#include "schedule.h"

#include <iterator>

namespace cuda_emulation {
namespace {

thread_local Schedule chosen;

// A quiet NaN with its sign, a small number, a large one, zero: what comes of it differs, and no two cover for each other.
constexpr std::uint32_t kGarbage[] = {0xffffffff, 0x3e99999a, 0x7f000001, 0x00000000};

}  // namespace

Schedule schedule(unsigned number) {
    constexpr unsigned orders = 4;
    Schedule s;
    s.order = static_cast<Order>(number % orders);
    s.blocks_backward = number % 2 == 1;
    s.garbage = kGarbage[number % std::size(kGarbage)] ^ number / orders;
    s.seed = number;
    return s;
}

std::string describe(const Schedule& s) {
    static constexpr const char* names[] = {"forward", "backward", "warp by warp", "shuffled"};
    return std::string(names[static_cast<int>(s.order)]) + ", seed " + std::to_string(s.seed);
}

void set_schedule(const Schedule& s) { chosen = s; }
const Schedule& current_schedule() { return chosen; }

}  // namespace cuda_emulation
