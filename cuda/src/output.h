// What kernels write.
#pragma once

#include "source.h"

namespace limen::cuda {

/// Two numbers of float16 or bfloat16 in a word.
__device__ __forceinline__ uint32_t narrow_from_floats(DType dtype, float first, float second) {
    if (dtype == DType::float16)
        return static_cast<uint32_t>(__half_as_ushort(__float2half(first))) |
               static_cast<uint32_t>(__half_as_ushort(__float2half(second))) << 16;
    return static_cast<uint32_t>(__bfloat16_as_ushort(__float2bfloat16(first))) |
           static_cast<uint32_t>(__bfloat16_as_ushort(__float2bfloat16(second))) << 16;
}

/// A batch of planes that a kernel writes or, as the weights, reads.
struct Output {
    void* data;
    int64_t batch, channel, row, column;  // strides in elements
    int channels;
    DType dtype;

    __device__ __forceinline__ int64_t plane(int i) const {
        const int b = i / channels;
        return b * batch + (i - b * channels) * channel;
    }
    template <class T>
    __device__ __forceinline__ T read(int64_t at) const {
        switch (dtype) {
            case DType::float16: return static_cast<T>(__half2float(static_cast<const __half*>(data)[at]));
            case DType::bfloat16: return static_cast<T>(__bfloat162float(static_cast<const __nv_bfloat16*>(data)[at]));
            case DType::float64: return static_cast<T>(static_cast<const double*>(data)[at]);
            default: return static_cast<T>(static_cast<const float*>(data)[at]);
        }
    }
    template <class T>
    __device__ __forceinline__ void write(int64_t at, T value) const {
        switch (dtype) {
            case DType::float16: static_cast<__half*>(data)[at] = __float2half(static_cast<float>(value)); break;
            case DType::bfloat16:
                static_cast<__nv_bfloat16*>(data)[at] = __float2bfloat16(static_cast<float>(value));
                break;
            case DType::float64: static_cast<double*>(data)[at] = static_cast<double>(value); break;
            default: static_cast<float*>(data)[at] = static_cast<float>(value); break;
        }
    }
};

}  // namespace limen::cuda
