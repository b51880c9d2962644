// How a gradient's pixels are cut into tasks.
#pragma once

#include "planes.h"

#include <algorithm>
#include <cstdint>

namespace limen::detail {

/// Tiles of a padded plane, in a fixed order, such that their kernels work on few strips and columns beside those of the pixels: below
/// another tile a kernel also sweeps the positions of a window's reach above its own pixels, so that tiles' heights are whole numbers
/// of strips less that.
class GradientTiles {
  public:
    /// `pad` pixels of the plane's border are padding, which a tile has to fold back into pixels of its own, whatever it repeats.
    GradientTiles(std::int64_t rows, std::int64_t cols, int reach, int pad, int step)
        : rows_(rows), cols_(cols), above_(2 * std::int64_t{reach}) {
        const std::int64_t least = 2 * std::int64_t{pad} + 1;
        down_ = pieces(rows, std::max(kRows, 2 * (above_ + least + kStrip)));
        strips_ = (rows + (down_ - 1) * above_ + kStrip - 1) / kStrip;
        across_ = pieces(cols, std::max(kCols / step, 2 * (least + kAlign)));
    }

    std::int64_t count() const { return down_ * across_; }
    std::int64_t widest() const { return (cols_ + across_ - 1) / across_ + kAlign; }
    Region operator[](std::int64_t i) const {
        const std::int64_t r = i / across_, c = i % across_;
        return {row(r), row(r + 1), col(c), col(c + 1)};
    }

  private:
    // So few columns that a tile's slopes stay in the second-level cache.
    static constexpr std::int64_t kRows = 256, kCols = 512, kAlign = 16;

    std::int64_t col(std::int64_t c) const { return c == across_ ? cols_ : c * cols_ / across_ / kAlign * kAlign; }

    // First row of tile r. All tiles but the first work on `above_` rows that are not theirs.
    std::int64_t row(std::int64_t r) const {
        if (r == 0) return 0;
        return r == down_ ? rows_ : strips_ * r / down_ * kStrip - (r - 1) * above_;
    }

    std::int64_t rows_, cols_, above_, down_, strips_, across_;
};

}  // namespace limen::detail
