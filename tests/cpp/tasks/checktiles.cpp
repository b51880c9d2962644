// How the pixels of gradients are cut into tiles: whole planes, no pixel twice, no tile too small to fold its padding back.
#include <cstdio>
#include <cstdlib>

#include "gradient_tiles.h"

namespace {

using limen::detail::GradientTiles;
using limen::detail::Region;

void check(std::int64_t rows, std::int64_t cols, int reach, int pad, int step) {
    const GradientTiles tiles(rows, cols, reach, pad, step);
    const std::int64_t least = 2 * std::int64_t{pad} + 1;
    std::int64_t pixels = 0;
    bool right = true;
    for (std::int64_t i = 0; i < tiles.count(); i++) {
        const Region t = tiles[i];
        const std::int64_t height = t.row_end - t.row_begin, width = t.col_end - t.col_begin;
        pixels += height * width;
        right &= height >= least && width >= least && width <= tiles.widest();
        right &= t.row_begin >= 0 && t.row_end <= rows && t.col_begin >= 0 && t.col_end <= cols;
        if (i > 0 && t.row_begin == tiles[i - 1].row_begin) right &= t.col_begin == tiles[i - 1].col_end;
        else right &= t.col_begin == 0 && t.row_begin == (i > 0 ? tiles[i - 1].row_end : 0);
    }
    if (right && pixels == rows * cols) return;
    std::printf("%d x %d pixels, reach %d, padding %d, %d channels side by side\n", static_cast<int>(rows),
                static_cast<int>(cols), reach, pad, step);
    std::exit(1);
}

}  // namespace

int main() {
    for (const int reach : {1, 2, 5, 7, 20, 127})
        for (const int pad : {0, reach})
            for (std::int64_t rows = 2 * reach + 1; rows < 2500; rows += rows < 700 ? 1 : 7)
                for (const std::int64_t cols : {1, 2, 17, 100, 511, 512, 513, 700, 1025, 1920})
                    for (const int step : {1, 3, 4})
                        if (cols > 2 * reach) check(rows, cols, reach, pad, step);
}
