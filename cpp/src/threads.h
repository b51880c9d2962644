#pragma once

#include "kernels.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>

#include <limen/runtime.hpp>

namespace limen::detail {

/// Threads worth starting for `count` tasks.
int threads_for(std::int64_t count);

/// Of the calling thread within its team.
int thread_index();

struct AlignedDelete {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t(kScratchAlign)); }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

inline AlignedBytes aligned_bytes(std::size_t size) {
    return AlignedBytes(new (std::align_val_t(kScratchAlign)) std::byte[size]);
}

/// Calls task(i, scratch) for every i below `count`, each thread with `scratch_bytes` of its own. Which thread takes which task is
/// left to chance: a task's result may depend on nothing but i. A task that calls this in turn stays on its thread. Throws what a task
/// has thrown, when all are done.
template <class Task>
void parallel_for(std::int64_t count, std::size_t scratch_bytes, const Task& task) {
    const int threads = threads_for(count);
    const std::size_t each = (scratch_bytes + kScratchAlign - 1) / kScratchAlign * kScratchAlign;
    const AlignedBytes scratch = aligned_bytes(each * static_cast<std::size_t>(threads));  // here, where it may throw
    if (threads == 1) {
        for (std::int64_t i = 0; i < count; i++) task(i, scratch.get());
        return;
    }
    std::exception_ptr failure;
#pragma omp parallel num_threads(threads)
    {
        std::byte* const mine = scratch.get() + each * static_cast<std::size_t>(thread_index());
#pragma omp for schedule(dynamic)
        for (std::int64_t i = 0; i < count; i++) {
            try {
                task(i, mine);
            } catch (...) {
#pragma omp critical(limen_failure)
                failure = std::current_exception();
            }
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace limen::detail
