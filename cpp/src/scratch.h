// How the kernels divide their scratch memory. Shared by the kernels and by the callers that allocate it.
#pragma once

#include "kernels.h"

namespace {

using namespace limen::detail;

// Samples of a strip worked on at a time: few enough for the first-level cache to hold most of their rows and what becomes of them.
// More of interleaved RGB, since what is kept of the chunk before is more, too.
constexpr int kChunk = 64, kWidestChunk = 96;
constexpr int chunk_samples(int step) { return step == 3 ? kWidestChunk : kChunk; }

// An odd number of 64-byte lines, so that a column of rows does not fall into one cache set.
static inline int64_t row_pitch(int64_t samples, size_t size) {
    const int64_t line = 64 / static_cast<int64_t>(size);
    return ((samples + line - 1) / line | 1) * line;
}

// Samples of the chunk before that stay beside a chunk's where gradients need them: pixels are done that much after they are read.
// Twice a window's reach at least, and as many more as make what is done begin at a cache line where what is read does.
constexpr int64_t gradient_lag(int64_t reach, int64_t step) {
    int64_t lag = (2 * reach * step + 15) / 16 * 16;
    while (lag % step != 0) lag += 16;
    return lag;
}

// Pixels that a gradient task reads left of its own: as far as there are positions whose windows see its own, and as many more as make
// whole cache lines.
constexpr int64_t gradient_halo(int64_t col_begin, int64_t reach, int64_t step) {
    int64_t halo = col_begin < 2 * reach ? col_begin : 2 * reach;
    while (halo * step % 16 != 0) halo++;
    return halo;
}

struct MomentLayout {
    int64_t rows, columns, map, total;  // in numbers, not bytes
};

static inline MomentLayout moment_layout(int reach, int step, int64_t kept) {
    MomentLayout s;
    const int64_t chunk = chunk_samples(step);
    s.rows = (kStrip + 2 * reach) * (kept + chunk);
    s.columns = (2 * reach * step + chunk) * kStrip;
    s.map = chunk * kStrip;
    s.total = 2 * s.rows + 4 * s.columns + s.map;
    return s;
}

struct GradientLayout {
    MomentLayout moments;
    int64_t ring_rows, pitch, rows, columns, out, total;
};

static inline GradientLayout gradient_layout(int64_t cols, int reach, int step, size_t size) {
    GradientLayout s;
    const int64_t chunk = chunk_samples(step);
    s.moments = moment_layout(reach, step, gradient_lag(reach, step));
    s.ring_rows = (2 * reach + 2 * kStrip - 1) / kStrip * kStrip;
    s.pitch = row_pitch(cols * step + chunk, size);
    s.rows = s.ring_rows * s.pitch;
    s.columns = (gradient_lag(reach, step) + chunk + kStrip) * kStrip;  // blocks of columns may end behind the chunk
    s.out = kStrip * kWidestChunk;  // rows of gradients stand that far apart, whatever the step
    s.total = s.moments.total + 4 * s.columns + 4 * s.rows + 2 * s.out;
    return s;
}

static inline int64_t halve_numbers(int64_t cols, size_t size) { return 4 * row_pitch(2 * cols + 64, size); }

// Vectors of a pixel's every channel that are added before their sums go to double.
constexpr int kErrorPeriods = 16;

// A row of differences ends with whole blocks of the widest vectors, of 16 numbers.
static inline int64_t error_row(int64_t cols, int step) {
    const int64_t block = kErrorPeriods * 16 * static_cast<int64_t>(step);
    return (cols * step / block + 1) * block;
}
static inline int64_t error_numbers(int64_t cols, int step) { return 2 * error_row(cols, step); }

// A row of numbers for up to kFeaturePositions positions, in whole vectors.
constexpr int64_t kFeatureRow = kFeaturePositions + 16;

// Bytes, since what float32 can't hold is computed in float64.
static inline int64_t feature_distance_bytes() { return 7 * kFeatureRow * static_cast<int64_t>(sizeof(double)); }
static inline int64_t feature_gradient_bytes(int64_t channels) {
    return (8 * kFeatureRow + channels + 16) * static_cast<int64_t>(sizeof(double));
}

}  // namespace
