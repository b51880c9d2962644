// What the threads of a block share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "meeting.h"

namespace cuda_emulation {

class Block {
  public:
    /// Shared memory is a heap block of its own, exactly as large as asked for, and full of `garbage`.
    Block(std::size_t threads, std::size_t shared_bytes, std::uint32_t garbage);

    std::byte* shared_memory() const { return shared_memory_.get(); }
    Meeting& barrier() { return barrier_; }
    /// Of the lanes of a warp that a mask names.
    Meeting& meeting(int warp, unsigned mask, const Where& where);
    /// One where others wait for this thread, or null.
    const Meeting* open_meeting_with(int thread) const;

  private:
    struct OfLanes {
        unsigned mask = 0;
        Meeting meeting;
    };
    static constexpr std::size_t kMasks = 8;
    struct Free {
        void operator()(std::byte* p) const;
    };

    Meeting barrier_;
    std::vector<std::array<OfLanes, kMasks>> warps_;
    std::unique_ptr<std::byte, Free> shared_memory_;
};

}  // namespace cuda_emulation
