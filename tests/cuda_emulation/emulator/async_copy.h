// Copies from global to shared memory that are complete once they were waited for, and not before.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "fault.h"

namespace cuda_emulation {

/// Those of one thread. Between issue and wait the destination holds NaN, whatever was there and whatever will be.
class AsyncCopies {
  public:
    void issue(void* to, const void* from, std::size_t bytes, const Where& where);
    void commit() { group_++; }
    /// Completes all committed groups but the last `pending`.
    void wait(int pending);
    /// At the end of the thread.
    void expect_none() const;
    void clear() { copies_.clear(); }

  private:
    struct Copy {
        std::array<std::byte, 16> data;
        void* to;
        std::size_t bytes;
        long group;
        Where where;
    };
    std::vector<Copy> copies_;
    long group_ = 0;
};

AsyncCopies& async_copies();

/// The block's dynamic shared memory.
std::byte* dynamic_shared_memory();

}  // namespace cuda_emulation

namespace limen::cuda {

template <class T>
inline T* shared_memory() {
    return reinterpret_cast<T*>(cuda_emulation::dynamic_shared_memory());
}

template <int Bytes>
inline void copy_async(void* to, const void* from, cuda_emulation::Where where = cuda_emulation::Where::current()) {
    static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16, "cp.async copies 4, 8 or 16 bytes");
    cuda_emulation::async_copies().issue(to, from, Bytes, where);
}

inline void copy_async_commit() { cuda_emulation::async_copies().commit(); }

template <int Pending>
inline void copy_async_wait() {
    cuda_emulation::async_copies().wait(Pending);
}

}  // namespace limen::cuda
