// The sanitizers' interfaces, null where the program was linked without them. ThreadSanitizer's is used by files that it does not
// instrument, so no macro tells whether it is there.
#pragma once

#include <cstddef>

// NOLINTBEGIN: names of the runtime libraries
extern "C" {
[[gnu::weak]] void __sanitizer_start_switch_fiber(void** save, const void* bottom, std::size_t size);
[[gnu::weak]] void __sanitizer_finish_switch_fiber(void* saved, const void** old_bottom, std::size_t* old_size);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);
[[gnu::weak]] void* __tsan_get_current_fiber(void);
[[gnu::weak]] void* __tsan_create_fiber(unsigned flags);
[[gnu::weak]] void __tsan_destroy_fiber(void* fiber);
[[gnu::weak]] void __tsan_switch_to_fiber(void* fiber, unsigned flags);
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
}
// NOLINTEND

namespace cuda_emulation {

/// What comes before happens_before(token) in one thread comes before what follows happens_after(token) in another.
inline void happens_before(void* token) {
    if (__tsan_release) __tsan_release(token);
}
inline void happens_after(void* token) {
    if (__tsan_acquire) __tsan_acquire(token);
}

}  // namespace cuda_emulation
