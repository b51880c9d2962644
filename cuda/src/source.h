// Reading pairs of pixels in place: any number type, any strides, and what lies beyond the border.
#pragma once

#include "device.h"

#include "kernels.h"

namespace limen::cuda {

using detail::Border;

/// What a kernel knows of the pixels' type when it is compiled: float32, float32 that already are u and v, or numbers of one or two
/// bytes.
enum class Pixels { floats, uv, narrow };

/// How two numbers of one or two bytes that share a word become floats: by putting their bytes among those of `others`, which needs no
/// conversion. Integers come out larger by `bias`, exactly. float16 has an instruction instead.
struct NarrowBits {
    uint32_t others, first, second;
    float bias;
    bool is_half;
};

inline NarrowBits narrow_bits(DType dtype) {
    switch (dtype) {
        // Behind 2^15 and 2^23, whose last bits they take.
        case DType::uint8: return {0x47000000, 0x7604, 0x7614, 32768, false};
        case DType::uint16: return {0x4b000000, 0x7610, 0x7632, 8388608, false};
        case DType::bfloat16: return {0, 0x1044, 0x3244, 0, false};
        case DType::float16: return {0, 0, 0, 0, true};
        default: return {};
    }
}

/// A batch of pairs of images. Padded coordinates: pixel (-pad, -pad) is (0, 0).
struct Source {
    const void* x;
    const void* y;
    int64_t x_batch, x_channel, x_row, x_column;  // strides in elements
    int64_t y_batch, y_channel, y_row, y_column;
    int channels, height, width;
    int pad;
    int bytes;  // of an element
    DType dtype;
    Border border;
    int x_row_bytes, y_row_bytes;  // the row strides, if they fit
    bool near_rows;                // whether they do
    bool pairs;                    // two columns from an even one on can be read at once
    bool quads;                    // four from every fourth one on
    bool is_uv;                    // x and y already hold u and v
    NarrowBits narrow;             // of numbers of one or two bytes
    const double* centers;         // of every plane's u and v, which are stored less them; may be null
    float reach;                   // of a value from the median, up to which it counts for the center
};

/// One plane of it.
struct PlaneSource {
    const char* x;
    const char* y;
    int index;
};

__device__ __forceinline__ PlaneSource plane_of(const Source& s, int plane) {
    const int b = plane / s.channels, c = plane - b * s.channels;
    PlaneSource p;
    p.index = plane;
    p.x = static_cast<const char*>(s.x) + (b * s.x_batch + c * s.x_channel) * s.bytes;
    p.y = static_cast<const char*>(s.y) + (b * s.y_batch + c * s.y_channel) * s.bytes;
    return p;
}

/// The pixel that padded index `i` stands for along an axis of `n` pixels, or -1 for a zero.
__device__ __forceinline__ int source_index(int i, int n, Border border) {
    if (i >= 0 && i < n) return i;
    if (border == Border::zero) return -1;
    if (border == Border::clamp) return i < 0 ? 0 : n - 1;
    // Mirrors repeat every `period` pixels; a window may be wider than the image is.
    const int repeats = border == Border::reflect ? 1 : 0, period = max(2 * (n - repeats), 1);
    i = (i % period + period) % period;
    return i < n ? i : period - 1 + repeats - i;
}

/// A value as it lies in memory, in the low bits. Converting it is put off until it has arrived.
__device__ __forceinline__ uint32_t read_bits(const char* at, int bytes) {
    if (bytes == 4) return __ldg(reinterpret_cast<const unsigned int*>(at));
    if (bytes == 2) return __ldg(reinterpret_cast<const unsigned short*>(at));
    return __ldg(reinterpret_cast<const unsigned char*>(at));
}

__device__ __forceinline__ float bits_to_float(uint32_t bits, DType dtype) {
    switch (dtype) {
        case DType::uint8:
        case DType::uint16: return static_cast<float>(bits);
        case DType::float16: return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
        case DType::bfloat16: return __uint_as_float(bits << 16);
        default: return __uint_as_float(bits);
    }
}

/// The two numbers that a word of a narrow type holds, larger by its bias.
__device__ __forceinline__ void narrow_to_float(const NarrowBits& n, uint32_t word, float (&out)[2]) {
    if (n.is_half) {
        out[0] = __half2float(__ushort_as_half(static_cast<unsigned short>(word)));
        out[1] = __half2float(__ushort_as_half(static_cast<unsigned short>(word >> 16)));
    } else {
        out[0] = __uint_as_float(__byte_perm(word, n.others, n.first));
        out[1] = __uint_as_float(__byte_perm(word, n.others, n.second));
    }
}

template <class T>
__device__ __forceinline__ T read_number(const char* plane, int64_t at, DType dtype, int bytes) {
    const char* p = plane + at * bytes;
    if (dtype == DType::float64) return static_cast<T>(__ldg(reinterpret_cast<const double*>(p)));
    return static_cast<T>(bits_to_float(read_bits(p, bytes), dtype));
}

/// What is subtracted from a pair of values, and the means of u and v that go with it.
template <class T>
struct Center {
    T first, second;
    T u, v;
};

/// The mean of 16 values, one for each lane of half a warp, without those that lie further than `reach` from their median: a few pixels far
/// beyond the data range must not draw the center away from all others.
__device__ __forceinline__ float typical(float value, float reach) {
    constexpr unsigned all = 0xffffffffu, half = 0xffffu;
    const int place = threadIdx.x % 16;
    const bool finite = fabsf(value) <= 3e38f;
    if (!finite) value = INFINITY;  // behind all others
    const int middle = __popc(__ballot_sync(all, finite) & half) / 2;
    int rank = finite ? 0 : 16;
#pragma unroll
    for (int i = 0; i < 16; i++) {
        const float other = __shfl_sync(all, value, i);
        rank += other < value || (other == value && i < place) ? 1 : 0;
    }
    const int at = __ffs(static_cast<int>(__ballot_sync(all, rank == middle) & half)) - 1;
    if (at < 0) return 0;                              // in all lanes: no value is finite
    const float median = __shfl_sync(all, value, at);  // by all lanes
    const bool counts = finite && fabsf(value - median) <= reach;
    const int count = __popc(__ballot_sync(all, counts) & half);
    float sum = counts ? value : 0.0f;
    for (int i = 1; i < 16; i *= 2) sum += __shfl_xor_sync(all, sum, i);
    return sum / static_cast<float>(count);
}

/// The center of a region of pixels (padded coordinates): means over a grid of 16, one for each lane of half a warp. A few numbers
/// are enough, since any constant will do and only closeness helps. All lanes of a warp must call it.
template <class T>
__device__ Center<T> center_of(const Source& s, const PlaneSource& plane, int row_begin, int row_end, int col_begin,
                               int col_end) {
    const auto sample = [&](int begin, int end, int n, int i) {
        begin = min(max(begin - s.pad, 0), n - 1);
        end = min(max(end - s.pad, begin + 1), n);
        return begin + static_cast<int>(static_cast<int64_t>(end - begin) * (2 * i + 1) / 8);
    };
    const int lane = threadIdx.x % 32;
    const int64_t row = sample(row_begin, row_end, s.height, lane / 4 % 4),
                  col = sample(col_begin, col_end, s.width, lane % 4);
    // In float32 whatever T is, so that every kernel subtracts the same.
    float first = typical(read_number<float>(plane.x, row * s.x_row + col * s.x_column, s.dtype, s.bytes), s.reach);
    float second = typical(read_number<float>(plane.y, row * s.y_row + col * s.y_column, s.dtype, s.bytes), s.reach);
    // Sums of 16 such numbers, and of the two, must be numbers.
    if (!(fabsf(first) + fabsf(second) <= 1e37f)) first = second = 0;
    // Integers are subtracted with their bias, which leaves no room for fractions.
    if (s.dtype == DType::uint8 || s.dtype == DType::uint16) first = rintf(first), second = rintf(second);
    const T a = first, b = second;
    if (s.centers)
        return {a, b, a + static_cast<T>(s.centers[2 * plane.index]),
                b + static_cast<T>(s.centers[2 * plane.index + 1])};
    if (s.is_uv) return {a, b, a, b};
    return {a, b, a + b, a - b};
}

/// u and v from a pair of numbers of that kind.
template <Pixels kind>
__device__ __forceinline__ void pair_to_uv(float a, float b, float& u, float& v) {
    u = kind == Pixels::uv ? a : a + b;
    v = kind == Pixels::uv ? b : a - b;
}

/// u and v of a padded pixel, about the center.
template <class T>
__device__ __forceinline__ void read_pair(const Source& s, const PlaneSource& plane, const Center<T>& center, int row,
                                          int col, T& u, T& v) {
    const int64_t r = source_index(row - s.pad, s.height, s.border), c = source_index(col - s.pad, s.width, s.border);
    T a = 0, b = 0;
    if (r >= 0 && c >= 0) {
        a = read_number<T>(plane.x, r * s.x_row + c * s.x_column, s.dtype, s.bytes);
        b = read_number<T>(plane.y, r * s.y_row + c * s.y_column, s.dtype, s.bytes);
    }
    a -= center.first;
    b -= center.second;
    u = s.is_uv ? a : a + b;
    v = s.is_uv ? b : a - b;
}

}  // namespace limen::cuda
