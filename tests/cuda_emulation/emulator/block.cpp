#include "block.h"

#include <bit>
#include <new>

namespace cuda_emulation {
namespace {

constexpr std::align_val_t kAlignment{16};  // which is what kernels may rely on

}  // namespace

void Block::Free::operator()(std::byte* p) const { ::operator delete(p, kAlignment); }

Block::Block(std::size_t threads, std::size_t shared_bytes, std::uint32_t garbage)
    : barrier_(static_cast<int>(threads)),
      warps_((threads + 31) / 32),
      shared_memory_(static_cast<std::byte*>(::operator new(shared_bytes, kAlignment))) {
    for (std::size_t i = 0; i < shared_bytes; i++)
        shared_memory_.get()[i] = static_cast<std::byte>(garbage >> i % 4 * 8);
}

Meeting& Block::meeting(int warp, unsigned mask, const Where& where) {
    for (OfLanes& m : warps_[static_cast<std::size_t>(warp)]) {
        if (m.mask == 0) m = {mask, Meeting(std::popcount(mask))};
        if (m.mask == mask) return m.meeting;
    }
    fault("the emulation keeps " + std::to_string(kMasks) + " masks of lanes for a warp, and here comes one more",
          where);
}

const Meeting* Block::open_meeting_with(int thread) const {
    if (barrier_.open()) return &barrier_;
    for (const OfLanes& m : warps_[static_cast<std::size_t>(thread / 32)])
        if ((m.mask >> thread % 32 & 1) && m.meeting.open()) return &m.meeting;
    return nullptr;
}

}  // namespace cuda_emulation
