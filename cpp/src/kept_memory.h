// Memory that comes and goes with every call, kept in between: new memory costs a page fault for each 4 KiB, together often longer than
// computing what is written there.
#pragma once

#include <cstddef>
#include <memory>

namespace limen::detail {

/// Gives memory of `size` bytes back, to be kept for a later call.
struct GiveBack {
    std::size_t size;
    void operator()(std::byte* memory) const noexcept;
};

using KeptMemory = std::unique_ptr<std::byte[], GiveBack>;

/// At least `size` bytes of undefined content from a multiple of kScratchAlign on: a block that was given back, if there is one of about
/// that size and no other thread is looking. Throws std::bad_alloc.
KeptMemory take_memory(std::size_t size);

/// Asks the system to back memory that is about to be written by large pages, where there is so much that it pays. A wish.
void prefer_large_pages(std::byte* memory, std::size_t size) noexcept;

}  // namespace limen::detail
