#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "sanitizers.h"
#include "switch_stack.h"

namespace cuda_emulation {
namespace {

constexpr std::size_t kStack = 256 << 10;  // AddressSanitizer makes frames several times as large
constexpr unsigned kNoSync = 1;            // __tsan_switch_to_fiber_no_sync

thread_local Fiber* entered = nullptr;  // the one that runs

std::size_t page() {
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

}  // namespace

Fiber::Fiber(void (*body)(void*), void* argument) : body_(body), argument_(argument) {
    void* memory = mmap(nullptr, page() + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, page(), PROT_NONE) != 0) throw std::bad_alloc();
    memory_ = static_cast<std::byte*>(memory);
    inside_ = new_stack(memory_ + page(), kStack, &Fiber::start);
    if (__tsan_create_fiber) tsan_inside_ = __tsan_create_fiber(0);
}

Fiber::~Fiber() {
    if (__tsan_destroy_fiber) __tsan_destroy_fiber(tsan_inside_);
    // Frames that were left in the middle have poisoned it, and the next to map this place is not theirs.
    if (__asan_unpoison_memory_region) __asan_unpoison_memory_region(memory_ + page(), kStack);
    munmap(memory_, page() + kStack);
}

void Fiber::start() {
    Fiber* const self = entered;
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(nullptr, &self->outside_stack_, &self->outside_size_);
    self->body_(self->argument_);
}

void Fiber::resume() {
    if (__tsan_get_current_fiber) {
        tsan_outside_ = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(tsan_inside_, kNoSync);
    }
    if (__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(&asan_outside_, memory_ + page(), kStack);
    entered = this;
    cuda_emulation_switch_stack(&outside_, inside_);
    if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(asan_outside_, nullptr, nullptr);
}

void Fiber::suspend() {
    if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(tsan_outside_, kNoSync);
    if (__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(&asan_inside_, outside_stack_, outside_size_);
    cuda_emulation_switch_stack(&inside_, outside_);
    if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(asan_inside_, &outside_stack_, &outside_size_);
}

}  // namespace cuda_emulation
