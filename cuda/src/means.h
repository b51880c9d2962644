// The second stage of every reduction: from the sums of tiles to scores.
#pragma once

#include <limen/convention.hpp>

#include "output.h"

namespace limen::cuda {

struct Means {
    const double* sums;  // [plane][tile]
    int64_t tiles;
    int64_t scores;  // to write; each takes as many planes as follow one another
    int64_t planes_each;
    double count;  // of positions in a plane
    // score = offset + scale * mean + more_scale * (mean of more), or the PSNR of the mean
    double offset, scale, more_scale;
    const double* more;
    int64_t more_tiles;
    double more_count;
    double psnr_range;  // or zero
    void* out;
    DType dtype;
    int64_t stride;  // of out
};

cudaError_t mean(const Means& p, cudaStream_t stream);

/// Means of all planes at all scales, in one launch.
struct ScaleMeans {
    int scales;
    int64_t planes;
    struct {
        const double* sums;  // [plane][tile]
        int64_t tiles;
        double count;  // of positions in a plane
    } scale[Convention::max_scales];
    double* out;  // [plane][scale]
};
cudaError_t mean_of_scales(const ScaleMeans& p, cudaStream_t stream);

/// One score for each image, or for each channel.
inline Means means_of(const double* sums, int64_t tiles, int64_t batch, int64_t channels, bool per_channel,
                      double count, void* out, DType dtype) {
    Means p = {};
    p.sums = sums;
    p.tiles = tiles;
    p.scores = per_channel ? batch * channels : batch;
    p.planes_each = per_channel ? 1 : channels;
    p.count = count;
    p.scale = 1;
    p.out = out;
    p.dtype = dtype;
    p.stride = 1;
    return p;
}

}  // namespace limen::cuda
