// All that kernels and their launches need of CUDA. Compiled by nvcc it is CUDA itself; with LIMEN_CUDA_EMULATION the same names come
// from tests/cuda_emulation, which runs kernels on the CPU. Sources of this folder include no other CUDA header, hold no <<<>>> and
// no static __shared__ variable: those three cannot be emulated, and have a function here instead.
#pragma once

#if defined(LIMEN_CUDA_EMULATION)

#include "cuda_emulation.h"

#else

#if defined(__CUDA_ARCH__)
#define LIMEN_CUDA_ARCH __CUDA_ARCH__
#else
#define LIMEN_CUDA_ARCH 0  // host code
#endif

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <mutex>

namespace limen::cuda {

/// Of the architectures known so far (as __CUDA_ARCH__ counts them), which multiprocessors have 164 KiB of shared memory or more, and which
/// 64 to 128.
constexpr bool large_shared(int architecture) {
    return architecture == 800 || (architecture >= 900 && architecture < 1200);
}
/// In a kernel, whether its code is for multiprocessors with much shared memory.
constexpr bool kLargeShared = large_shared(LIMEN_CUDA_ARCH);
/// For the host, whether the code that the current device runs is. That may be code for an older device, which has less, or more.
inline bool has_large_shared() {
    int device = 0, major = 0, minor = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess ||
        cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) != cudaSuccess)
        return false;
    // The newest of its own generation that it can run, or else what it compiles from an older one's: any may be meant, and room to spare
    // does no harm.
    int own = 0;
    bool older = false;
    for (const int built : {__CUDA_ARCH_LIST__}) {
        if (built > 100 * major + 10 * minor) continue;
        if (built / 100 == major) own = built;
        else older |= large_shared(built);
    }
    return own ? large_shared(own) : older;
}

/// Starts `kernel(params)` on `stream` with `shared_bytes` of dynamic shared memory a block. Says what the driver says.
template <class Params>
cudaError_t launch(void (*kernel)(Params), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const Params& params) {
    // More than 48 KiB has to be asked for, on every device anew. Nobody may ask for less before the kernel is started.
    static std::mutex asking;
    std::unique_lock<std::mutex> lock;
    if (shared_bytes > 48 * 1024) {
        lock = std::unique_lock(asking);
        const cudaError_t error =
            cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shared_bytes));
        if (error != cudaSuccess) return error;
    }
    void* arguments[] = {const_cast<Params*>(&params)};
    return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, arguments, shared_bytes, stream);
}

/// The block's dynamic shared memory, aligned to 16 bytes.
template <class T>
__device__ __forceinline__ T* shared_memory() {
    extern __shared__ __align__(16) unsigned char limen_shared_memory[];
    return reinterpret_cast<T*>(limen_shared_memory);
}

/// The same address. The compiler keeps it, and nothing else, where it would rather add its parts again at every use or keep all of those
/// that follow.
template <class T>
__device__ __forceinline__ T* kept(T* address) {
    asm volatile("" : "+l"(address));
    return address;
}

/// Copies from global to shared memory that are complete once they were waited for. Before compute capability 8.0 they are plain ones.
template <int Bytes>
__device__ __forceinline__ void copy_async(void* to, const void* from) {
    __pipeline_memcpy_async(to, from, Bytes);
}
__device__ __forceinline__ void copy_async_commit() { __pipeline_commit(); }
/// Waits for all but the last `Pending` commits of the thread.
template <int Pending>
__device__ __forceinline__ void copy_async_wait() {
    __pipeline_wait_prior(Pending);
}

/// In shared memory: gates, where warps wait until `kGateWarps` of them have arrived, turn after turn, without stopping those that
/// arrive. What a warp did to shared memory before it arrived is seen by all that have waited for that turn. No warp may arrive for a
/// turn before all those that wait for the turn before the last have seen it.
constexpr unsigned kGateWarps = 4;
using Gate = unsigned long long;

class Gates {
  public:
    __device__ __forceinline__ explicit Gates(Gate* gates) {
        // Computed once: the compiler would rather do it again at every gate, which takes longer than a register is worth.
        asm volatile("{ .reg .u64 a; cvta.to.shared.u64 a, %1; cvt.u32.u64 %0, a; }" : "=r"(address_) : "l"(gates));
    }
    /// By one thread, with __syncthreads before anyone comes.
    __device__ __forceinline__ void open(int gate) const {
#if LIMEN_CUDA_ARCH >= 800
        asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(at(gate)), "r"(kGateWarps) : "memory");
#else
        asm volatile("st.shared.u64 [%0], 0;" ::"r"(at(gate)) : "memory");
#endif
    }
    /// By all lanes of a warp.
    __device__ __forceinline__ void arrive(int gate) const {
        __syncwarp();
        if (threadIdx.x % 32 != 0) return;
#if LIMEN_CUDA_ARCH >= 800
        asm volatile("{ .reg .b64 state; mbarrier.arrive.shared::cta.b64 state, [%0]; }" ::"r"(at(gate)) : "memory");
#else
        __threadfence_block();
        asm volatile("red.shared.add.u64 [%0], 1;" ::"r"(at(gate)) : "memory");
#endif
    }
    /// By all lanes of a warp. Turns are counted from 0.
    __device__ __forceinline__ void wait(int gate, unsigned turn) const {
#if LIMEN_CUDA_ARCH >= 800
        unsigned passed;
        do {
#if LIMEN_CUDA_ARCH >= 900
            // Asleep for as long as it takes: others have a use for what asking again would cost.
            asm volatile(
                "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2, %3; selp.u32 %0, 1, 0, p; }"
                : "=r"(passed)
                : "r"(at(gate)), "r"(turn % 2), "n"(kMostNanoseconds)
                : "memory");
#else
            asm volatile(
                "{ .reg .pred p; mbarrier.test_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                : "=r"(passed)
                : "r"(at(gate)), "r"(turn % 2)
                : "memory");
#endif
        } while (!passed);
#else
        unsigned long long arrived;
        do {
            asm volatile("ld.volatile.shared.u64 %0, [%1];" : "=l"(arrived) : "r"(at(gate)) : "memory");
        } while (arrived < kGateWarps * (turn + 1ULL));
        __threadfence_block();
#endif
    }

  private:
    static constexpr unsigned kMostNanoseconds = 1'000'000;

    __device__ __forceinline__ unsigned at(int gate) const {
        return address_ + static_cast<unsigned>(gate) * static_cast<unsigned>(sizeof(Gate));
    }

    unsigned address_;
};

}  // namespace limen::cuda

#endif
