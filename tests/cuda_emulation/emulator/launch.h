// The launch of a kernel: it has run when this returns.
#pragma once

#include <cstddef>
#include <utility>

#include "fault.h"
#include "runtime_api.h"
#include "vector_types.h"

namespace cuda_emulation {

struct Launch {
    void (*call)(const void* kernel_and_params);  // as one thread
    const void* kernel_and_params;
    dim3 grid, block;
    std::size_t shared_bytes;
    Where where;
};

/// An error for what the runtime would refuse; throws a Fault for what the kernel does wrong.
cudaError_t run(const Launch& launch);

}  // namespace cuda_emulation

namespace limen::cuda {

// As on the smallest devices.
constexpr bool kLargeShared = false;
inline bool has_large_shared() { return false; }

template <class T>
T* kept(T* address) {
    return address;
}

template <class Params>
cudaError_t launch(void (*kernel)(Params), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t,
                   const Params& params, cuda_emulation::Where where = cuda_emulation::Where::current()) {
    using Call = std::pair<void (*)(Params), Params>;
    const Call call(kernel, params);
    return cuda_emulation::run({[](const void* c) {
                                    const Call& mine = *static_cast<const Call*>(c);
                                    mine.first(mine.second);
                                },
                                &call, grid, block, shared_bytes, where});
}

}  // namespace limen::cuda
