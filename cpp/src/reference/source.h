#pragma once

#include "../kernels.h"
#include "../numbers.h"

namespace limen::detail {

/// The pixel of the plane that padded index `i` stands for along an axis of `n` pixels, or -1 for a zero.
inline std::int64_t source_index(std::int64_t i, std::int64_t n, Border border) {
    if (border == Border::zero) return i < 0 || i >= n ? -1 : i;
    while (i < 0 || i >= n) {
        switch (border) {
            case Border::reflect: i = i < 0 ? -i : 2 * (n - 1) - i; break;
            case Border::symmetric: i = i < 0 ? -1 - i : 2 * n - 1 - i; break;
            default: i = i < 0 ? 0 : n - 1; break;
        }
    }
    return i;
}

struct Pair {
    double u, v;
};

/// u and v, not centred, of channel `c` of the padded pixel (row, col).
inline Pair pair_at(const PairSource& s, std::int64_t row, std::int64_t col, int c) {
    const std::int64_t i = source_index(row - s.pad, s.height, s.border),
                       j = source_index(col - s.pad, s.width, s.border);
    if (i < 0 || j < 0) return {0, 0};
    const std::int64_t sample = (j - s.first_col) * s.step + c;
    const std::int64_t at_x = (i - s.first_row) * s.x_row + sample * s.x_sample;
    const std::int64_t at_y = (i - s.first_row) * s.y_row + sample * s.y_sample;
    if (s.is_uv)
        return {static_cast<const double*>(s.x)[at_x] + s.center_u, static_cast<const double*>(s.y)[at_y] + s.center_v};
    const double x = read_number(s.x, s.dtype, at_x), y = read_number(s.y, s.dtype, at_y);
    return {x + y, x - y};
}

}  // namespace limen::detail
