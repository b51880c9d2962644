#pragma once

#include "kept_memory.h"
#include "kernels.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <vector>

#include <limen/runtime.hpp>

namespace limen::detail {

/// Threads worth starting for `count` tasks.
int threads_for(std::int64_t count);

/// Of the calling thread within its team.
int thread_index();

/// Calls task(i, scratch) for every i below `count`, each thread with `scratch_bytes` of its own. Which thread takes which task is
/// left to chance: a task's result may depend on nothing but i. A task that calls this in turn stays on its thread. Throws what a task
/// has thrown, when all are done.
template <class Task>
void parallel_for(std::int64_t count, std::size_t scratch_bytes, const Task& task) {
    const int threads = threads_for(count);
    const std::size_t each = (scratch_bytes + kScratchAlign - 1) / kScratchAlign * kScratchAlign;
    const KeptMemory scratch = take_memory(each * static_cast<std::size_t>(threads));  // here, where it may throw
    if (threads == 1) {
        for (std::int64_t i = 0; i < count; i++) task(i, scratch.get());
        return;
    }
    // A thread has a range of tasks: neighbours' memory is next to each other, and two processors that write there hinder one another.
    // One that is done goes on with others' ranges.
    struct alignas(64) Range {
        std::atomic<std::int64_t> next;
        std::int64_t end;
    };
    std::vector<Range> ranges(static_cast<std::size_t>(threads));
    for (int t = 0; t < threads; t++) {
        ranges[static_cast<std::size_t>(t)].next = count * t / threads;
        ranges[static_cast<std::size_t>(t)].end = count * (t + 1) / threads;
    }
    std::exception_ptr failure;
#pragma omp parallel num_threads(threads)
    {
        const int mine = thread_index();
        std::byte* const memory = scratch.get() + each * static_cast<std::size_t>(mine);
        for (int t = 0; t < threads; t++) {
            Range& range = ranges[static_cast<std::size_t>((mine + t) % threads)];
            for (std::int64_t i; (i = range.next++) < range.end;) {
                try {
                    task(i, memory);
                } catch (...) {
#pragma omp critical(limen_failure)
                    failure = std::current_exception();
                }
            }
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace limen::detail
