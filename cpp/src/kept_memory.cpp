#include "kept_memory.h"

#include "kernels.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <new>

#include <limen/runtime.hpp>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

// AddressSanitizer is to see where each call's memory begins and ends.
#if defined(__SANITIZE_ADDRESS__)
#define LIMEN_KEEPS_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMEN_KEEPS_MEMORY 0
#endif
#endif
#ifndef LIMEN_KEEPS_MEMORY
#define LIMEN_KEEPS_MEMORY 1
#endif

namespace limen::detail {
namespace {

constexpr std::size_t kPage = kScratchAlign, kLargePage = std::size_t{2} << 20;
constexpr std::size_t kLeastKept = std::size_t{64} << 10;         // allocators find smaller ones fast
constexpr std::size_t kLeastInLargePages = std::size_t{4} << 20;  // the system takes long to find one
constexpr std::size_t kMostKept = std::size_t{64} << 20;          // of all blocks together

// Larger than kPage on some ARM machines.
std::size_t system_page() {
#if defined(__linux__)
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return std::max(size, kPage);
#else
    return kPage;
#endif
}

// Whole pages; whole large ones where they add little.
std::size_t rounded(std::size_t size) {
    const std::size_t unit = size >= 8 * kLargePage ? kLargePage : system_page();
    if (size > PTRDIFF_MAX - 2 * kLargePage) throw std::bad_alloc();
    return (size + unit - 1) / unit * unit;
}

constexpr bool may_keep(std::size_t size) { return LIMEN_KEEPS_MEMORY && size >= kLeastKept; }

#if defined(__linux__)
std::byte* new_pages(std::size_t size) {
    const bool large = size >= kLeastInLargePages;
    const std::size_t asked = large ? size + kLargePage : size;
    void* const pages = mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    auto* memory = static_cast<std::byte*>(pages);
    if (!large) return memory;
    const std::size_t before = (kLargePage - reinterpret_cast<std::uintptr_t>(memory) % kLargePage) % kLargePage;
    if (before > 0) munmap(memory, before);
    memory += before;
    munmap(memory + size, kLargePage - before);
    prefer_large_pages(memory, size);
    return memory;
}
#endif

// What may be kept comes from the system itself where that is known: an allocator would keep some of it too, in pieces.
std::byte* new_block(std::size_t size) {
#if defined(__linux__)
    if (may_keep(size)) return new_pages(size);
#endif
    return static_cast<std::byte*>(::operator new[](size, std::align_val_t(kPage)));
}

void delete_block(std::byte* memory, [[maybe_unused]] std::size_t size) {
#if defined(__linux__)
    if (may_keep(size)) {
        munmap(memory, size);
        return;
    }
#endif
    ::operator delete[](memory, std::align_val_t(kPage));
}

struct Block {
    std::byte* memory = nullptr;
    std::size_t size = 0;
};

// Blocks that nobody uses, those given back last at the end.
class Blocks {
  public:
    // The smallest that holds `size` bytes and not many more, or none; of equals the last, which may still be in a cache.
    Block take(std::size_t size) {
        std::size_t best = count_;
        for (std::size_t i = 0; i < count_; i++)
            if (blocks_[i].size >= size && blocks_[i].size - size <= size / 4 &&
                (best == count_ || blocks_[i].size <= blocks_[best].size))
                best = i;
        return best == count_ ? Block{} : remove(best);
    }
    bool has_room_for(std::size_t size) const { return count_ < blocks_.size() && bytes_ + size <= kMostKept; }
    Block take_oldest() { return remove(0); }
    void give(Block block) {
        blocks_[count_++] = block;
        bytes_ += block.size;
    }
    bool empty() const { return count_ == 0; }

  private:
    Block remove(std::size_t i) {
        const Block block = blocks_[i];
        std::copy(blocks_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                  blocks_.begin() + static_cast<std::ptrdiff_t>(count_),
                  blocks_.begin() + static_cast<std::ptrdiff_t>(i));
        count_--;
        bytes_ -= block.size;
        return block;
    }

    std::array<Block, 16> blocks_;
    std::size_t count_ = 0, bytes_ = 0;
};

struct Kept {
    std::mutex mutex;
    Blocks blocks;
};

Kept& kept() {
    static Kept& all = *new Kept;  // never destroyed: a result may be given back while the process ends
    return all;
}

void delete_all(Blocks blocks) {
    while (!blocks.empty()) {
        const Block block = blocks.take_oldest();
        delete_block(block.memory, block.size);
    }
}

// Only tried, so that nobody waits: who finds it taken goes without. In a forked child one that another thread of its parent had stays
// taken for good.
using Lock = std::unique_lock<std::mutex>;

Block take_kept(std::size_t size) {
    Kept& all = kept();
    const Lock lock(all.mutex, std::try_to_lock);
    return lock ? all.blocks.take(size) : Block{};
}

}  // namespace

void GiveBack::operator()(std::byte* memory) const noexcept {
    if (!may_keep(size) || size > kMostKept) return delete_block(memory, size);
    Kept& all = kept();
    Blocks dropped;
    if (const Lock lock(all.mutex, std::try_to_lock); lock) {
        while (!all.blocks.has_room_for(size)) dropped.give(all.blocks.take_oldest());
        all.blocks.give({memory, size});
    } else {
        dropped.give({memory, size});
    }
    delete_all(dropped);
}

KeptMemory take_memory(std::size_t size) {
    size = rounded(size);
    if (may_keep(size))
        if (const Block block = take_kept(size); block.memory) return {block.memory, GiveBack{block.size}};
    try {
        return {new_block(size), GiveBack{size}};
    } catch (const std::bad_alloc&) {
        release_memory();  // the system may have enough with what is kept
        return {new_block(size), GiveBack{size}};
    }
}

void prefer_large_pages(std::byte* memory, std::size_t size) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (size < kLeastInLargePages) return;
    const std::uintptr_t page = system_page();
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t begin = (address + page - 1) / page * page, end = (address + size) / page * page;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // it may be refused
#else
    static_cast<void>(memory);
    static_cast<void>(size);
#endif
}

}  // namespace limen::detail

namespace limen {

void release_memory() {
    detail::Blocks dropped;
    {
        detail::Kept& all = detail::kept();
        const detail::Lock lock(all.mutex, std::try_to_lock);
        if (lock) std::swap(dropped, all.blocks);
    }
    detail::delete_all(dropped);
}

}  // namespace limen
