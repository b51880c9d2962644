#include "kept_memory.h"

#include "kernels.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <numeric>

#if defined(__linux__)
#include <sys/mman.h>
#endif

// Sanitizers are to see where each call's memory begins and ends.
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
// Smaller blocks are kept by the allocator, and from here on large pages pay: the system takes long to find one.
constexpr std::size_t kLeastKept = std::size_t{64} << 10, kLeastInLargePages = std::size_t{4} << 20;
constexpr std::size_t kMostKept = std::size_t{64} << 20;  // of all blocks together

// Whole pages; whole large ones where they add little.
std::size_t rounded(std::size_t size) {
    const std::size_t unit = size >= 8 * kLargePage ? kLargePage : kPage;
    if (size > std::size_t{PTRDIFF_MAX} - unit) throw std::bad_alloc();
    return (size + unit - 1) / unit * unit;
}

std::align_val_t alignment(std::size_t size) {
    return std::align_val_t(size >= kLeastInLargePages ? kLargePage : kPage);
}

std::byte* new_block(std::size_t size) {
    auto* const memory = static_cast<std::byte*>(::operator new[](size, alignment(size)));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (size >= kLeastInLargePages) madvise(memory, size, MADV_HUGEPAGE);  // a wish: it may be refused
#endif
    return memory;
}

void delete_block(std::byte* memory, std::size_t size) { ::operator delete[](memory, alignment(size)); }

struct Block {
    std::byte* memory = nullptr;
    std::size_t size = 0;
};

// Blocks that nobody uses, those given back last at the end. Never destroyed: a result may be given back while the process ends.
struct Kept {
    std::mutex mutex;
    std::array<Block, 16> blocks;
    std::size_t count = 0, bytes = 0;

    Block remove(std::size_t i) {
        const Block block = blocks[i];
        std::move(blocks.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                  blocks.begin() + static_cast<std::ptrdiff_t>(count), blocks.begin() + static_cast<std::ptrdiff_t>(i));
        count--;
        bytes -= block.size;
        return block;
    }

    // The smallest that holds `size` bytes and not many more; of equals the last, which may still be in a cache.
    Block take(std::size_t size) {
        std::size_t best = count;
        for (std::size_t i = 0; i < count; i++)
            if (blocks[i].size >= size && blocks[i].size - size <= size / 4 &&
                (best == count || blocks[i].size <= blocks[best].size))
                best = i;
        return best == count ? Block{} : remove(best);
    }
};

Kept& kept() {
    static Kept& all = *new Kept;
    return all;
}

// Only tried: in a forked child a lock that another thread of its parent held stays locked, and then nothing is kept.
using Lock = std::unique_lock<std::mutex>;

void drop_all() {
    Kept& all = kept();
    const Lock lock(all.mutex, std::try_to_lock);
    while (lock && all.count > 0) {
        const Block block = all.remove(all.count - 1);
        delete_block(block.memory, block.size);
    }
}

}  // namespace

void GiveBack::operator()(std::byte* memory) const noexcept {
    if (LIMEN_KEEPS_MEMORY && size >= kLeastKept && size <= kMostKept) {
        Kept& all = kept();
        if (const Lock lock(all.mutex, std::try_to_lock); lock) {
            while (all.count == all.blocks.size() || all.bytes + size > kMostKept) {
                const Block oldest = all.remove(0);
                delete_block(oldest.memory, oldest.size);
            }
            all.blocks[all.count++] = {memory, size};
            all.bytes += size;
            return;
        }
    }
    delete_block(memory, size);
}

KeptMemory take_memory(std::size_t size) {
    size = rounded(size);
    if (size >= kLeastKept) {
        Kept& all = kept();
        if (const Lock lock(all.mutex, std::try_to_lock); lock)
            if (const Block block = all.take(size); block.memory) return {block.memory, GiveBack{block.size}};
    }
    try {
        return {new_block(size), GiveBack{size}};
    } catch (const std::bad_alloc&) {
        drop_all();  // the system may have enough with what is kept
        return {new_block(size), GiveBack{size}};
    }
}

}  // namespace limen::detail
