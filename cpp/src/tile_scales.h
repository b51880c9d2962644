// MS-SSIM of one tile: the positions a tile of the finest scale answers for at every scale, and the pixels they need. Scales are
// halved tile by tile, with the overlap that windows need, so that working memory doesn't grow with the image.
#pragma once

#include "scales.h"

#include <vector>

namespace limen::detail {

struct Span {
    std::int64_t begin = 0, end = 0;
    std::int64_t size() const { return end - begin; }
    void cover(std::int64_t from, std::int64_t to);
};

using Scales = std::array<Scale, Convention::max_scales>;

/// Along one axis.
struct TileSpans {
    Span positions[Convention::max_scales], pixels[Convention::max_scales];
};

class TiledScales {
  public:
    TiledScales(const Scales& scales, const Convention& convention, const Formula& contrast, const Formula& full,
                const Engine& engine);

    std::int64_t tiles() const { return static_cast<std::int64_t>(down_.size() * across_.size()); }
    std::size_t scratch_bytes() const { return static_cast<std::size_t>(coarse_ + scratch_) * engine_.number; }

    /// Sums over the tile's positions of cs, and of l * cs at the last scale, for one centred plane.
    void sum(PairSource plane, std::int64_t tile, double* sums, void* scratch) const;

  private:
    const Scales& scales_;
    const Convention& convention_;
    const Formula &contrast_, &full_;
    const Engine& engine_;
    std::vector<TileSpans> down_, across_;
    std::int64_t coarse_, scratch_;  // numbers for coarser scales, and for the kernels
};

}  // namespace limen::detail
