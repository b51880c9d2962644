// What a kernel is given and the table of kernels an instruction set offers. Included by the per-instruction-set files, so it
// holds plain data only: nothing here may produce code that the linker could merge between instruction sets.
#pragma once

#include <limen/dtype.hpp>
#include <stddef.h>
#include <stdint.h>

namespace limen::detail {

constexpr int kMaxReach = 127;     // (window size - 1) / 2
constexpr int kMaxInterleave = 4;  // channels read together from channels-last memory
constexpr int kStrip = 16;         // rows of positions a kernel works on at a time
constexpr int kScratchAlign = 4096;

// What a row or column outside the plane is read as. `clamp` is the nearest inside.
enum class Border : unsigned char { clamp, zero, reflect, symmetric };

// One plane of each image, read in place. A plane is `height` rows of `width * step` samples, step > 1 where the channels of a
// pixel lie side by side and are worked on together. Padded coordinates: pixel (-pad, -pad) is (0, 0).
struct PairSource {
    const void* x;
    const void* y;
    int64_t x_row, x_sample, y_row, y_sample;  // strides in elements
    int64_t height, width;
    int64_t first_row, first_col;  // the pixel that x and y point at
    double center_u, center_v;     // subtracted from u = x + y and v = x - y
    int pad;
    int step;
    Border border;
    DType dtype;
    bool is_uv;  // x and y already hold u and v
};

// Half of a normalised symmetric window; tap[0] is the middle.
struct Window {
    int reach;
    double tap[kMaxReach + 1];
};

// A strided plane that a kernel writes or, as the weights, reads.
struct Plane {
    void* data;
    int64_t row, sample;  // strides in elements
    DType dtype;
};

struct Formula {
    Window window;
    double c1, c2, epsilon;  // as SsimConstants wants them, for windows that sum to one
    bool luminance;          // l * cs, else cs
};

// Positions are counted in padded coordinates: position (r, c) sees the padded pixels (r..r + 2 reach, c..c + 2 reach).
struct Region {
    int64_t row_begin, row_end, col_begin, col_end;
};

struct ForwardTask {
    PairSource source;
    const Formula* formula;
    Region positions;
    double* sums;  // [step], overwritten
    Plane map;     // data may be null
    void* scratch;
};

struct GradientTask {
    PairSource source;
    const Formula* formula;
    Region pixels;                         // padded pixels whose gradient is wanted
    int64_t position_rows, position_cols;  // of the whole plane
    double scale;                          // factor of the gradient
    double* sums;                          // [step], over the positions at `pixels`, overwritten
    Plane weights;                         // factor of each position; data may be null
    Plane grad_x, grad_y;                  // at unpadded pixels; data may be null for one of them
    void* scratch;
};

// Means of 2 x 2 blocks: target pixel (i, j) is the mean of the padded source pixels from (2i + row_shift, 2j + col_shift) on.
struct HalveTask {
    PairSource source;  // step 1
    Region target;
    int row_shift, col_shift;
    void* u;
    void* v;
    int64_t row;  // stride of u and v; they point at the target's first pixel
    void* scratch;
};

// out = scale * fine + coarse_scale * (gradient that the next scale hands back). Along each axis fine pixel p takes half of coarse pixel
// (p + start) / 2, or all of it where the halving repeated p (`first_twice`, `last_twice`), or none behind the last.
struct Halving {
    int64_t fine, coarse;  // sizes
    int start;             // 0, or 1 where a row or column was put before the first
    bool first_twice, last_twice;
};

struct ExpandTask {
    Halving rows, cols;
    int64_t row_begin, row_end;  // fine rows to do
    double scale, coarse_scale;
    const void* fine;
    const void* coarse;
    int64_t fine_row, coarse_row;  // strides
    Plane out;                     // may be where `fine` is
    void* scratch;
};

struct ErrorTask {
    PairSource source;  // pad 0
    Region pixels;
    double* squared;   // [step], overwritten
    double* absolute;  // [step], overwritten
    void* scratch;
};

// A map of feature vectors, read or written in place. Strides in elements; `data` points at the first position's first channel.
struct Features {
    void* data;
    int64_t channel, row, col;
    DType dtype;
};

constexpr int kFeaturePositions = 1024;  // of a row worked on together: their sums fit in the first-level cache

// Weights come in both number types: what float32 can't hold is computed in float64.
struct FeatureWeights {
    const double* wide;
    const float* narrow;
};

// One image; `positions` counts rows and columns from where the features point.
struct FeatureTask {
    Features f0, f1;  // of the same dtype
    int64_t channels;
    Region positions;
    FeatureWeights weights;  // for each channel, and zeros up to a whole number of vectors
    double* sum;             // of the distances, overwritten
    Features map;            // one channel; data may be null
    Features state;          // as many channels as FeatureState has numbers; data may be null
    void* scratch;
};

struct FeatureGradientTask {
    Features f0, f1;
    int64_t channels;
    Region positions;
    FeatureWeights weights;
    Features state;         // as the forward kernel left it
    Features upstream;      // one channel: factor of each position
    Features grad0, grad1;  // data may be null
    bool past_cache;        // gradients are more than a cache would hold for who reads them
    double* weight_sums;    // [channels], overwritten; may be null
    void* scratch;
};

struct KernelsOf {
    void (*forward)(const ForwardTask&);
    void (*gradient)(const GradientTask&);
    void (*halve)(const HalveTask&);
    void (*expand)(const ExpandTask&);
    void (*errors)(const ErrorTask&);
    void (*feature_distance)(const FeatureTask&);
    void (*feature_gradient)(const FeatureGradientTask&);
};

struct Kernels {
    KernelsOf single_precision;
    KernelsOf double_precision;
};

extern const Kernels scalar_kernels;
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
extern const Kernels neon_kernels;

}  // namespace limen::detail
