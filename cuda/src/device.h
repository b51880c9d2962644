// All that kernels and their launches need of CUDA. Compiled by nvcc it is CUDA itself; with LIMEN_CUDA_EMULATION the same names come
// from tests/cuda_emulation, which runs kernels on the CPU. Sources of this folder include no other CUDA header, hold no <<<>>> and
// no static __shared__ variable: those three cannot be emulated, and have a function here instead.
#pragma once

#if defined(LIMEN_CUDA_EMULATION)

#include "cuda_emulation.h"

#else

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>

namespace limen::cuda {

/// Starts `kernel(params)` on `stream` with `shared_bytes` of dynamic shared memory a block. Says what the driver says.
template <class Params>
cudaError_t launch(void (*kernel)(Params), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const Params& params) {
    // More than 48 KiB has to be asked for, on every device anew.
    if (shared_bytes > 48 * 1024) {
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

}  // namespace limen::cuda

#endif
