// What the SSIM kernels are given.
#pragma once

#include "sliding.h"
#include "source.h"
#include "tiles.h"

namespace limen::cuda {

/// A batch of planes that a kernel writes or, as the weights, reads.
struct Output {
    void* data;
    int64_t batch, channel, row, column;  // strides in elements
    int channels;
    DType dtype;

    __device__ __forceinline__ int64_t plane(int64_t i) const {
        const int64_t b = i / channels;
        return b * batch + (i - b * channels) * channel;
    }
};

__device__ __forceinline__ void write_number(const Output& out, int64_t at, float value) {
    switch (out.dtype) {
        case DType::float16: static_cast<__half*>(out.data)[at] = __float2half(value); break;
        case DType::bfloat16: static_cast<__nv_bfloat16*>(out.data)[at] = __float2bfloat16(value); break;
        case DType::float64: static_cast<double*>(out.data)[at] = value; break;
        default: static_cast<float*>(out.data)[at] = value; break;
    }
}

struct ForwardParams {
    Source source;
    TileGrid grid;  // of positions
    Taps taps;
    float c1, c2, epsilon;
    double* sums;  // [plane][tile], of SSIM
    Output map;    // data may be null
};

}  // namespace limen::cuda
