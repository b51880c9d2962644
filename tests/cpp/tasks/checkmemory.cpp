// Memory that is kept between calls.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "kept_memory.h"
#include "kernels.h"

namespace {

using limen::detail::KeptMemory;
using limen::detail::take_memory;

void expect(bool holds, const char* what, std::size_t size) {
    if (holds) return;
    std::printf("%s (%zu bytes)\n", what, size);
    std::exit(1);
}

void fill(const KeptMemory& memory, std::size_t size, int value) { std::memset(memory.get(), value, size); }

bool holds(const KeptMemory& memory, std::size_t size, int value) {
    for (std::size_t i = 0; i < size; i++)
        if (memory[i] != static_cast<std::byte>(value)) return false;
    return true;
}

// Blocks of one size, each written and given back while others are in use.
void check(std::size_t size, int rounds) {
    std::vector<KeptMemory> blocks;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 3; i++) {
            blocks.push_back(take_memory(size));
            const auto address = reinterpret_cast<std::uintptr_t>(blocks.back().get());
            expect(address % limen::detail::kScratchAlign == 0, "memory is not aligned", size);
            fill(blocks.back(), size, static_cast<int>(blocks.size()));
        }
        for (std::size_t i = 0; i < blocks.size(); i++)
            expect(holds(blocks[i], size, static_cast<int>(i + 1)), "memory in use was given out again", size);
        blocks.erase(blocks.begin() + 1, blocks.end());
    }
}

void check_threads() {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([t] {
            for (std::size_t i = 0; i < 2000; i++) {
                const std::size_t size = (std::size_t{60} << 10) + i % 7 * 5000;
                const KeptMemory memory = take_memory(size);
                fill(memory, size, t);
                std::this_thread::yield();
                expect(holds(memory, size, t), "two threads have the same memory", size);
            }
        });
    for (std::thread& thread : threads) thread.join();
}

void check_too_much() {
    for (const std::size_t size : {SIZE_MAX, SIZE_MAX - 5000, SIZE_MAX / 2}) {
        bool refused = false;
        try {
            static_cast<void>(take_memory(size));
        } catch (const std::bad_alloc&) {
            refused = true;
        }
        expect(refused, "there can't be so much memory", size);
    }
}

}  // namespace

int main() {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65535}, std::size_t{65536},
                                   std::size_t{1000003}, std::size_t{5} << 20, std::size_t{40} << 20})
        check(size, size > (1 << 20) ? 2 : 10);
    check_threads();
    check_too_much();
}
