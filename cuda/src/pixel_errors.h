#pragma once

#include "output.h"
#include "tiles.h"

#include <limen/image.hpp>

namespace limen::cuda {

struct ErrorParams {
    Source source;
    TileGrid grid;  // of pixels
    bool square;    // else absolute
    double* sums;   // [plane][tile]
    bool wide;      // in float64, for squares that float32 doesn't hold
};

/// Tiles of the sums that errors() makes.
TileGrid error_grid(const ImageView& x);

cudaError_t errors(const ErrorParams& p, cudaStream_t stream);

}  // namespace limen::cuda
