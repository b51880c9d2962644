// The geometry of MS-SSIM: sizes of the scales, and what a halving reads.
#pragma once

#include "planes.h"

#include <array>

namespace limen::detail {

struct Scale {
    std::int64_t height, width;                 // pixels
    std::int64_t position_rows, position_cols;  // of the window
    Padding padding;
    // Towards the next scale.
    Halving rows, cols;
    Border border;
};

/// Throws std::invalid_argument when the convention has no MS-SSIM, or the images are too small for it.
std::array<Scale, Convention::max_scales> scales_of(const ImageView& x, const Convention& convention);

/// A task that halves `source`, unpadded and of one channel, at `scale`.
HalveTask halve_task(PairSource source, const Scale& scale);

/// What the halving of `plane` left in memory, as the source of the next scale.
PairSource coarse_plane(const PairSource& plane, const HalveTask& halved, const Scale& next);

}  // namespace limen::detail
