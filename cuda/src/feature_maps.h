// Maps of features as kernels read them, and how threads share the channels of a position.
#pragma once

#include "checks.h"
#include "launch.h"
#include "number.h"

#include "../../cpp/math/feature_distance_math.h"

#include <array>

namespace limen::cuda {

constexpr int kFeatureThreads = 256;

// Blocks that fill the largest devices of the day. Fewer for the emulation, where small maps have to be cut in every way.
#if defined(LIMEN_CUDA_EMULATION)
constexpr int64_t kEnoughBlocks = 4;
#else
constexpr int64_t kEnoughBlocks = 132 * 4;
#endif

/// A batch of maps, one of a pair or a gradient.
struct FeatureMap {
    Output view;
    bool same;   // its elements are of the features' type
    bool fours;  // and four channels from a multiple of four on lie in memory as one vector
};

/// A position of a map. Where rows follow one another in all maps of a kernel, all of them are one row.
struct Position {
    int row, column;

    __device__ __forceinline__ int64_t in(const Output& v) const {
        return row == 0 ? static_cast<int64_t>(column) * v.column : row * v.row + column * v.column;
    }
};

/// Whether the rows of a map that may be missing follow one another.
template <class View>
bool rows_follow(const View* v) {
    return !v || v->height == 1 || v->row_stride == v->width * v->column_stride;
}

/// What both kernels read.
struct FeaturePair {
    FeatureMap f0, f1;
    int channels;
    int width;           // of a row, or of all of them
    const void* weight;  // a number for each channel, or null for ones
    DType weight_dtype;
    // Threads that lie side by side and share a position, each four channels of it at a time: where the channels lie side by side, too.
    int lanes;

    __device__ __forceinline__ Position position(int i) const {
        if (i < width) return {0, i};
        return {i / width, i % width};
    }

    template <class T>
    __device__ __forceinline__ T weight_of(int channel) const {
        if (!weight) return 1;
        if (weight_dtype == DType::float64) return static_cast<T>(__ldg(static_cast<const double*>(weight) + channel));
        return static_cast<T>(__ldg(static_cast<const float*>(weight) + channel));
    }
};

__device__ __forceinline__ float number_of(float v) { return v; }
__device__ __forceinline__ double number_of(double v) { return v; }
__device__ __forceinline__ float number_of(__half v) { return __half2float(v); }
__device__ __forceinline__ float number_of(__nv_bfloat16 v) { return __bfloat162float(v); }

/// What elements are computed with.
template <class E>
using Number = decltype(number_of(E{}));

__device__ __forceinline__ void set_element(float& to, float v) { to = v; }
__device__ __forceinline__ void set_element(double& to, double v) { to = v; }
__device__ __forceinline__ void set_element(__half& to, float v) { to = __float2half(v); }
__device__ __forceinline__ void set_element(__nv_bfloat16& to, float v) { to = __float2bfloat16(v); }

template <class E>
struct alignas(sizeof(E) < 4 ? 4 * sizeof(E) : 16) FourElements {
    E element[4];
};

/// Four that lie in memory as one vector.
template <class E>
__device__ __forceinline__ FourElements<E> read_fours(const E* at) {
    FourElements<E> out;
    if constexpr (sizeof(E) == 2) {
        *reinterpret_cast<uint2*>(&out) = __ldg(reinterpret_cast<const uint2*>(at));
    } else {
#pragma unroll
        for (int i = 0; i < static_cast<int>(sizeof(E)) / 4; i++)
            reinterpret_cast<uint4*>(&out)[i] = __ldg(reinterpret_cast<const uint4*>(at) + i);
    }
    return out;
}

/// Four channels `step` elements apart. Left as they are in memory: whoever converts them waits for them.
template <class E>
__device__ __forceinline__ void read_apart(const E* at, int64_t step, FourElements<E>& out) {
#pragma unroll
    for (int j = 0; j < 4; j++, at = kept(at + step)) out.element[j] = __ldg(at);
}

/// The first `count` of them, and zeros for the rest.
template <class E>
__device__ __forceinline__ void read_some(const E* at, int64_t step, int count, FourElements<E>& out) {
#pragma unroll
    for (int j = 0; j < 4; j++, at += step) out.element[j] = j < count ? __ldg(at) : E{};
}

FeaturePair feature_pair(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight);

/// A gradient's `fours` asks for the features' own dtype, too.
FeatureMap feature_map(const ImageView& f);
FeatureMap feature_map(const OutputView* f, DType dtype);

/// Numbers of every position, `channels` of them.
template <class View>
void check_positions(const char* name, const View& v, const ImageView& f0, int64_t channels) {
    const std::array<int64_t, 4> shape = {v.batch, v.channels, v.height, v.width};
    detail::check_positions(name, v.data, v.dtype, shape, f0, channels);
}

/// All that can be wrong with one map by itself; it need not be there yet.
void check_feature_shape(const ImageView& f0);

/// Calls `use` with an element of the dtype.
template <class Use>
auto with_element(DType dtype, const Use& use) {
    switch (dtype) {
        case DType::float16: return use(__half{});
        case DType::bfloat16: return use(__nv_bfloat16{});
        case DType::float64: return use(double{});
        default: return use(float{});
    }
}

}  // namespace limen::cuda
