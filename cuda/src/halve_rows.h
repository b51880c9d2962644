// The next scale of MS-SSIM, made on the way by the kernel that slides down the finer one.
#pragma once

#include "halve.h"
#include "sliding.h"

namespace limen::cuda {

/// One thread's pair of columns, row after row. Makes the coarse pixels whose first fine pixel lies in the tile.
struct RowHalver {
    float u, v;                // sums of the pair in the row before
    float offset_u, offset_v;  // from means about the tile's center to what is stored
    int column;                // the pair's first, of the image
    int coarse_column;         // or -1: not this thread's to make

    __device__ __forceinline__ static int first_column(const CoarseScale& c, const Source& s, int col_begin) {
        return col_begin - ((col_begin - s.pad + c.cols.start) & 1);  // a pair's
    }

    __device__ __forceinline__ RowHalver(const CoarseScale& c, const Source& s, const TileGrid& grid, const Tile& tile,
                                         int padded_column, const Center<float>& center) {
        u = v = 0;
        column = padded_column - s.pad;
        const bool own = (padded_column >= tile.col_begin || tile.col_begin == 0) &&
                         (padded_column < tile.col_end || tile.col_end == grid.cols);
        const int at = column + c.cols.start;
        coarse_column = own && at >= 0 && at / 2 < c.cols.coarse && column < s.width ? at / 2 : -1;
        offset_u = !c.centers ? center.u : s.centers ? center.first : 0.0f;
        offset_v = !c.centers ? center.v : s.centers ? center.second : 0.0f;
    }

    /// Whether nothing has to be minded of the group of rows from padded `row` on: they and those before lie in the image and in the
    /// tile.
    __device__ __forceinline__ bool inside(const Source& s, const Tile& tile, int row) const {
        return coarse_column >= 0 && column >= 0 && column + 1 < s.width && row > max(tile.row_begin, s.pad) &&
               row + kForwardGroup <= min(tile.row_end, s.pad + s.height - 1);
    }

    /// Where such a group's coarse pixels go.
    struct Place {
        float* u;
        float* v;
        bool odd;  // the first row is the second of a pair
    };
    __device__ __forceinline__ Place place(const CoarseScale& c, const Source& s, const Tile& tile, int row) const {
        const int first = row - s.pad + c.rows.start;
        const int64_t at =
            (static_cast<int64_t>(tile.plane) * c.rows.coarse + first / 2) * c.cols.coarse + coarse_column;
        return {c.u + at, c.v + at, (first & 1) != 0};
    }

    /// Takes row `i` of it.
    __device__ __forceinline__ void take_inside(const CoarseScale& c, const Place& place, int i, const float (&of_u)[2],
                                                const float (&of_v)[2]) {
        const float sum_u = of_u[0] + of_u[1], sum_v = of_v[0] + of_v[1];
        if ((i % 2 != 0) != place.odd) {
            const int at = i / 2 * static_cast<int>(c.cols.coarse);
            place.u[at] = 0.25f * (u + sum_u) + offset_u;
            place.v[at] = 0.25f * (v + sum_v) + offset_v;
        }
        u = sum_u;
        v = sum_v;
    }

    /// Takes padded row `row`, which comes in once for every tile that reads it.
    __device__ __forceinline__ void take(const CoarseScale& c, const Source& s, const TileGrid& grid, const Tile& tile,
                                         const Center<float>& center, int row, const float (&of_u)[2],
                                         const float (&of_v)[2]) {
        const int r = row - s.pad;
        if (r < 0 || r >= s.height || coarse_column < 0) return;
        // Beyond the border there are zeros, which are minus the center here, or the nearest pixel once more.
        const float zero_u = -center.u, zero_v = -center.v;
        float sum_u = of_u[0] + of_u[1], sum_v = of_v[0] + of_v[1];
        if (column < 0) {
            sum_u = of_u[1] + (c.zero ? zero_u : of_u[1]);
            sum_v = of_v[1] + (c.zero ? zero_v : of_v[1]);
        } else if (column + 1 >= s.width) {
            sum_u = 2 * of_u[0];
            sum_v = 2 * of_v[0];
        }
        const bool second = ((r + c.rows.start) & 1) != 0, alone = r == (second ? 0 : s.height - 1);
        if (alone) {
            u = second && c.zero ? 2 * zero_u : sum_u;
            v = second && c.zero ? 2 * zero_v : sum_v;
        }
        if (second || alone) {
            const int first_row = second ? row - 1 : row, i = (r + c.rows.start) / 2;
            const bool own = (first_row >= tile.row_begin || tile.row_begin == 0) &&
                             (first_row < tile.row_end || tile.row_end == grid.rows);
            if (own && i < c.rows.coarse) {
                const int64_t at =
                    (static_cast<int64_t>(tile.plane) * c.rows.coarse + i) * c.cols.coarse + coarse_column;
                c.u[at] = 0.25f * (u + sum_u) + offset_u;
                c.v[at] = 0.25f * (v + sum_v) + offset_v;
            }
        }
        u = sum_u;
        v = sum_v;
    }
};

}  // namespace limen::cuda
