// Instrumented by every sanitizer, as here is where the copies touch memory.
#include "async_copy.h"

#include <cstdint>
#include <cstring>

namespace cuda_emulation {

void AsyncCopies::issue(void* to, const void* from, std::size_t bytes, const Where& where) {
    if (reinterpret_cast<std::uintptr_t>(to) % bytes != 0 || reinterpret_cast<std::uintptr_t>(from) % bytes != 0)
        fault("copy_async of " + std::to_string(bytes) + " bytes between addresses that are no multiples of that",
              where);
    Copy copy = {{}, to, bytes, group_, where};
    std::memcpy(copy.data.data(), from, bytes);
    std::memset(to, 0xff, bytes);
    copies_.push_back(copy);
}

void AsyncCopies::wait(int pending) {
    std::size_t kept = 0;
    for (const Copy& copy : copies_) {
        if (copy.group < group_ - pending) std::memcpy(copy.to, copy.data.data(), copy.bytes);
        else copies_[kept++] = copy;
    }
    copies_.resize(kept);
}

void AsyncCopies::expect_none() const {
    if (!copies_.empty())
        fault("the thread ends with copies that it has not waited for, the first issued", copies_[0].where);
}

}  // namespace cuda_emulation
