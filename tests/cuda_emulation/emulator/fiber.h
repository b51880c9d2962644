// A thread of execution with a stack of its own that runs only when it is resumed.
#pragma once

#include <cstddef>

namespace cuda_emulation {

/// Sanitizers are told of every switch: AddressSanitizer which stack is in use, ThreadSanitizer that another thread is at work, which a
/// switch does not synchronise with.
class Fiber {
  public:
    /// `body` must not return.
    Fiber(void (*body)(void*), void* argument);
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// From the context that owns the fiber; returns when it suspends itself.
    void resume();
    /// From within the fiber.
    void suspend();

  private:
    static void start();

    void (*body_)(void*);
    void* argument_;
    std::byte* memory_;  // a page that faults, then the stack
    void* inside_;       // where each side stands while the other runs
    void* outside_ = nullptr;
    // What the sanitizers know the two sides as.
    void* asan_inside_ = nullptr;
    void* asan_outside_ = nullptr;
    const void* outside_stack_ = nullptr;
    std::size_t outside_size_ = 0;
    void* tsan_inside_ = nullptr;
    void* tsan_outside_ = nullptr;
};

}  // namespace cuda_emulation
