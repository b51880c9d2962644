// Reads a row of a pair of planes of any number type and stride as u = x + y and v = x - y about their centres.
#pragma once

#include "../scratch.h"
#include "vec.h"

namespace {

using namespace limen::detail;
using limen::DType;

struct Half {
    uint16_t bits;
};
struct BFloat {
    uint16_t bits;
};

// -1 stands for a zero.
LIMEN_INLINE int64_t border_index(int64_t i, int64_t n, Border border) {
    if (i >= 0 && i < n) return i;
    switch (border) {
        case Border::zero: return -1;
        case Border::reflect: i = i < 0 ? -i : 2 * n - 2 - i; break;  // the plane is wide enough for one mirror
        case Border::symmetric: i = i < 0 ? -1 - i : 2 * n - 1 - i; break;
        case Border::clamp: break;
    }
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

LIMEN_INLINE float from_half_bits(uint32_t h) {
    uint32_t bits = (h & 0x7fff) << 13;
    float f;
    memcpy(&f, &bits, 4);
    f *= 0x1p112f;  // rebias the exponent; subnormals become normal on the way
    memcpy(&bits, &f, 4);
    if ((h & 0x7c00) == 0x7c00) bits |= 0x7f800000;
    bits |= (h & 0x8000) << 16;
    memcpy(&f, &bits, 4);
    return f;
}

template <class T, class E>
LIMEN_INLINE T number(E e) {
    return static_cast<T>(e);
}
template <class T>
LIMEN_INLINE T number(Half h) {
    return from_half_bits(h.bits);
}
template <class T>
LIMEN_INLINE T number(BFloat b) {
    const uint32_t bits = static_cast<uint32_t>(b.bits) << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

// kLanes<T> elements as numbers.
template <class T, class E>
LIMEN_INLINE Vec<T> numbers(const E* p) {
    if constexpr (sizeof(E) == sizeof(T)) {
        return load_unaligned(reinterpret_cast<const T*>(p));
    } else {
        Vec<T> v = {};
        for (int i = 0; i < kLanes<T>; i++) v[i] = number<T>(p[i]);
        return v;
    }
}

template <>
LIMEN_INLINE Vec<float> numbers<float, uint8_t>(const uint8_t* p) {
    return __builtin_convertvector(widen(p), Vec<float>);
}
template <>
LIMEN_INLINE Vec<float> numbers<float, uint16_t>(const uint16_t* p) {
    return __builtin_convertvector(widen(p), Vec<float>);
}
template <>
LIMEN_INLINE Vec<float> numbers<float, BFloat>(const BFloat* p) {
    return reinterpret_cast<Vec<float>>(widen(&p->bits) << 16);
}
template <>
LIMEN_INLINE Vec<float> numbers<float, Half>(const Half* p) {
#if defined(LIMEN_HAS_HALF_CONVERSIONS)
    return from_halves(&p->bits);
#else
    const Bits<float> wide = widen(&p->bits);
    const Vec<float> magnitude = reinterpret_cast<Vec<float>>((wide & 0x7fff) << 13) * 0x1p112f;
    const Bits<float> special = ((wide & 0x7c00) == 0x7c00) & 0x7f800000;
    return reinterpret_cast<Vec<float>>(reinterpret_cast<Bits<float>>(magnitude) | special | ((wide & 0x8000) << 16));
#endif
}

// Centres of u and v: by value, since what is stored could be anything's memory.
template <class T>
struct Centre {
    T u, v;
    explicit Centre(const PairSource& s) : u(static_cast<T>(s.center_u)), v(static_cast<T>(s.center_v)) {}
};

// u and v of kLanes<T> samples.
template <class T, class E, bool is_uv>
LIMEN_INLINE void load_vector(const E* x, const E* y, Centre<T> centre, T* u, T* v) {
    const Vec<T> a = numbers<T>(x), b = numbers<T>(y);
    store_unaligned(u, is_uv ? a : a + b - centre.u);
    store_unaligned(v, is_uv ? b : a - b - centre.v);
}

// u and v of `count` samples.
template <class T, class E, bool is_uv>
LIMEN_INLINE void load_span(const E* x, int64_t x_stride, const E* y, int64_t y_stride, Centre<T> centre, int64_t count,
                            T* u, T* v) {
    constexpr int L = kLanes<T>;
    if (x_stride == 1 && y_stride == 1 && count >= L) {
        for (int64_t i = 0; i + L <= count; i += L) load_vector<T, E, is_uv>(x + i, y + i, centre, u + i, v + i);
        // The last vector overlaps the one before, so that nothing is read behind the row.
        if (count % L != 0)
            load_vector<T, E, is_uv>(x + count - L, y + count - L, centre, u + count - L, v + count - L);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        const T a = number<T>(x[i * x_stride]), b = number<T>(y[i * y_stride]);
        u[i] = is_uv ? a : a + b - centre.u;
        v[i] = is_uv ? b : a - b - centre.v;
    }
}

// `rows` rows of the padded plane from `row` on, `pixels` pixels from column `col` on.
struct Block {
    int64_t row, rows, col, pixels;
};

// Which pixels of a block's rows lie in the plane: [inside, outside) of those from column `first` on.
struct RowEdges {
    int64_t first, inside, outside, pixels;

    RowEdges(const PairSource& s, int64_t first_, int64_t pixels_)
        : first(first_), inside(first_ < 0 ? (-first_ < pixels_ ? -first_ : pixels_) : 0), pixels(pixels_) {
        const int64_t end = s.width - first;
        outside = end < inside ? inside : end > pixels ? pixels : end;
    }

    // Calls near(i, j) where pixel i beyond the plane repeats pixel j of those within, and far(i, c) where it repeats column c, which the
    // block doesn't have.
    template <class Near, class Far>
    LIMEN_INLINE void repeated(const PairSource& s, const Near& near, const Far& far) const {
        for (int64_t i = inside > 0 ? 0 : outside; i < pixels; i = i + 1 == inside ? outside : i + 1) {
            const int64_t c = border_index(first + i, s.width, s.border), j = c - first;
            if (j >= inside && j < outside) near(i, j);
            else far(i, c);
        }
    }
};

// Rows that lie within the plane: so many vectors, or `samples`.
template <class T, class E, bool is_uv, int Vectors>
LIMEN_INLINE void load_inside(const PairSource& s, const E* x, const E* y, int64_t rows, int64_t samples, T* u, T* v,
                              int64_t pitch) {
    const Centre<T> centre(s);
    for (int64_t i = 0; i < rows; i++, x += s.x_row, y += s.y_row, u += pitch, v += pitch) {
        if constexpr (Vectors > 0) {
#pragma GCC unroll 64
            for (int k = 0; k < Vectors * kLanes<T>; k += kLanes<T>)
                load_vector<T, E, is_uv>(x + k, y + k, centre, u + k, v + k);
        } else {
            load_span<T, E, is_uv>(x, s.x_sample, y, s.y_sample, centre, samples, u, v);
        }
    }
}

// A block some of whose pixels lie beyond the plane.
template <class T, class E, bool is_uv>
LIMEN_INLINE void load_padded(const PairSource& s, const Block& b, T* u, T* v, int64_t pitch) {
    const Centre<T> centre(s);
    const int64_t top = b.row - s.pad, samples = b.pixels * s.step;
    const RowEdges edges(s, b.col - s.pad, b.pixels);
    const auto zeros = [&](int64_t row, int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; k++) u[row * pitch + k] = -centre.u, v[row * pitch + k] = -centre.v;
    };
    const auto span = [&](int64_t row, int64_t i, int64_t c, int64_t count) {
        const int64_t r = border_index(top + row, s.height, s.border);
        if (r < 0) return zeros(row, 0, samples);
        const int64_t at = (c - s.first_col) * s.step, to = row * pitch + i * s.step;
        load_span<T, E, is_uv>(static_cast<const E*>(s.x) + (r - s.first_row) * s.x_row + at * s.x_sample, s.x_sample,
                               static_cast<const E*>(s.y) + (r - s.first_row) * s.y_row + at * s.y_sample, s.y_sample,
                               centre, count * s.step, u + to, v + to);
    };
    for (int64_t row = 0; row < b.rows; row++)
        span(row, edges.inside, edges.first + edges.inside, edges.outside - edges.inside);
    if (s.border == Border::zero) {
        for (int64_t row = 0; row < b.rows; row++) {
            zeros(row, 0, edges.inside * s.step);
            zeros(row, edges.outside * s.step, samples);
        }
        return;
    }
    // Column by column: which one is repeated is the same in all rows.
    const auto copy = [&](int64_t i, int64_t j) {
        for (int64_t row = 0; row < b.rows; row++)
            for (int64_t c = 0; c < s.step; c++) {
                const int64_t to = row * pitch + i * s.step + c, from = row * pitch + j * s.step + c;
                u[to] = u[from], v[to] = v[from];
            }
    };
    edges.repeated(s, copy, [&](int64_t i, int64_t c) {
        for (int64_t row = 0; row < b.rows; row++) span(row, i, c, 1);
    });
}

template <class T, class E, bool is_uv>
__attribute__((noinline)) void load_block_of(const PairSource& s, const Block& b, T* u, T* v, int64_t pitch) {
    const int64_t first = b.col - s.pad, top = b.row - s.pad, samples = b.pixels * s.step;
    if (first < 0 || first + b.pixels > s.width || top < 0 || top + b.rows > s.height)
        return load_padded<T, E, is_uv>(s, b, u, v, pitch);
    const int64_t at = (first - s.first_col) * s.step;
    const E* x = static_cast<const E*>(s.x) + (top - s.first_row) * s.x_row + at * s.x_sample;
    const E* y = static_cast<const E*>(s.y) + (top - s.first_row) * s.y_row + at * s.y_sample;
    const bool side_by_side = s.x_sample == 1 && s.y_sample == 1;
    if (side_by_side && samples == kChunk)
        return load_inside<T, E, is_uv, kChunk / kLanes<T>>(s, x, y, b.rows, samples, u, v, pitch);
    if (side_by_side && samples == kWidestChunk)
        return load_inside<T, E, is_uv, kWidestChunk / kLanes<T>>(s, x, y, b.rows, samples, u, v, pitch);
    load_inside<T, E, is_uv, 0>(s, x, y, b.rows, samples, u, v, pitch);
}

template <class T>
LIMEN_INLINE void load_block(const PairSource& s, const Block& b, T* u, T* v, int64_t pitch) {
    if (s.is_uv) return load_block_of<T, T, true>(s, b, u, v, pitch);
    if constexpr (sizeof(T) == 8) {
        // float32 too, for data ranges whose fourth power float32 does not hold
        if (s.dtype == DType::float32) return load_block_of<T, float, false>(s, b, u, v, pitch);
        return load_block_of<T, double, false>(s, b, u, v, pitch);
    } else {
        switch (s.dtype) {
            case DType::uint8: return load_block_of<T, uint8_t, false>(s, b, u, v, pitch);
            case DType::uint16: return load_block_of<T, uint16_t, false>(s, b, u, v, pitch);
            case DType::float16: return load_block_of<T, Half, false>(s, b, u, v, pitch);
            case DType::bfloat16: return load_block_of<T, BFloat, false>(s, b, u, v, pitch);
            default: return load_block_of<T, float, false>(s, b, u, v, pitch);
        }
    }
}

// Asks for rows of two planes, or of one, a few at a time: they lie far apart, so that the processor doesn't see the next, and many
// requests at once would make it wait for them. They go to the second-level cache, as the first is full. Lines to be read are asked for
// twice, which is faster: it seems that some requests are dropped.
struct Prefetch {
    const char *x, *y;  // y may be null
    int64_t x_row, y_row, rows, bytes;

    template <bool write>
    LIMEN_INLINE void part(int64_t turn, int64_t turns) const {
        const int64_t each = (rows + turns - 1) / turns;
        for (int64_t r = turn * each; r < rows && r < (turn + 1) * each; r++)
            for (int64_t i = 0; i < bytes; i += kLineBytes) {
                line<write>(x + r * x_row + i);
                if (y) line<write>(y + r * y_row + i);
            }
    }

  private:
    template <bool write>
    LIMEN_INLINE static void line(const char* p) {
        __builtin_prefetch(p, write, 2);
        if (!write) __builtin_prefetch(p + kLineBytes, write, 2);
    }
};

// Rows of a block of the padded plane that exist; none where samples don't lie side by side.
LIMEN_INLINE Block inside_plane(const PairSource& s, const Block& b) {
    Block in = {b.row - s.pad, b.rows, b.col - s.pad, b.pixels};
    if (in.row < 0) in.rows += in.row, in.row = 0;
    if (in.row + in.rows > s.height) in.rows = s.height - in.row;
    if (in.col < 0) in.pixels += in.col, in.col = 0;
    if (in.col + in.pixels > s.width) in.pixels = s.width - in.col;
    if (in.pixels <= 0) in.rows = 0;
    return in;
}

template <class T>
LIMEN_INLINE Prefetch prefetch_source(const PairSource& s, const Block& b) {
    constexpr int64_t sizes[] = {1, 2, 2, 2, 4, 8};
    const int64_t size = s.is_uv ? static_cast<int64_t>(sizeof(T)) : sizes[static_cast<int>(s.dtype)];
    const Block in = inside_plane(s, b);
    const int64_t row = in.row - s.first_row, sample = (in.col - s.first_col) * s.step;
    const bool plain = s.x_sample == 1 && s.y_sample == 1;
    return {static_cast<const char*>(s.x) + (row * s.x_row + sample) * size,
            static_cast<const char*>(s.y) + (row * s.y_row + sample) * size,
            s.x_row * size,
            s.y_row * size,
            plain ? in.rows : 0,
            in.pixels * s.step * size};
}

// What a sweep over a region in strips and chunks will read two chunks from here, at the strip's row `row` and sample `begin`.
template <class T>
LIMEN_INLINE Prefetch prefetch_ahead(const PairSource& s, const Region& sweep, int reach, int64_t row, int64_t begin,
                                     int64_t samples, int64_t chunk) {
    const bool first = row == sweep.row_begin;
    int64_t ahead = begin + 2 * chunk;
    if (ahead >= samples) {
        ahead -= (samples + chunk - 1) / chunk * chunk;
        row += kStrip;
        if (ahead < 0 || row >= sweep.row_end) return Prefetch{};
    } else if (first) {
        row -= 2 * reach;  // no strip before this one has read the rows above
    }
    const int64_t rows = ahead > begin && first ? kStrip + 2 * reach : kStrip;
    const int64_t count = samples - ahead < chunk ? samples - ahead : chunk;
    return prefetch_source<T>(s, {row + 2 * reach, rows, sweep.col_begin + ahead / s.step, count / s.step});
}

}  // namespace
