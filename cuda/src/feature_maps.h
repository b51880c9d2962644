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
constexpr int64_t kEnoughBlocks = 132 * 8;
#endif

/// A batch of maps, one of a pair or a gradient.
struct FeatureMap {
    Output view;
    bool fours;  // four channels from a multiple of four on lie in memory as one vector

    __device__ __forceinline__ int64_t place(int image, int64_t row, int64_t column) const {
        return image * view.batch + row * view.row + column * view.column;
    }
};

/// What both kernels read.
struct FeaturePair {
    FeatureMap f0, f1;
    int channels, width;
    const void* weight;  // a number for each channel, or null for ones
    DType weight_dtype;
    // Threads that lie side by side and share a position, each four channels of it at a time: where the channels lie side by side, too.
    int lanes;

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

/// `count` channels, up to four, from element `at` on; zeros for the rest. Left as they are in memory: whoever converts them waits for them.
template <class E>
__device__ __forceinline__ void read_four(const FeatureMap& f, int64_t at, int count, FourElements<E>& out) {
    const E* const p = static_cast<const E*>(f.view.data) + at;
    if (f.fours && count >= 4) {
        out = *reinterpret_cast<const FourElements<E>*>(p);
        return;
    }
#pragma unroll
    for (int j = 0; j < 4; j++) out.element[j] = j < count ? p[j * f.view.channel] : E{};
}

/// The same the other way, if there is anything to write to; E is the features' element.
template <class E, class T>
__device__ __forceinline__ void write_four(const FeatureMap& f, int64_t at, int count, const T (&value)[4]) {
    if (!f.view.data) return;
    if (f.fours && count >= 4) {
        FourElements<E> four;
#pragma unroll
        for (int j = 0; j < 4; j++) set_element(four.element[j], value[j]);
        *reinterpret_cast<FourElements<E>*>(static_cast<E*>(f.view.data) + at) = four;
        return;
    }
#pragma unroll
    for (int j = 0; j < 4; j++)
        if (j < count) f.view.write(at + j * f.view.channel, value[j]);
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
