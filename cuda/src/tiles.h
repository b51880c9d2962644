// How a batch of planes is cut into the tiles of a launch. The host decides, by the shape alone: results don't depend on the device.
#pragma once

#include "device.h"

#include <cstdint>

namespace limen::cuda {

struct Tile {
    int plane;
    int index;  // of the plane's tiles
    int row_begin, row_end, col_begin, col_end;
};

struct TileGrid {
    int rows, cols;  // of a plane
    int tile_rows, tile_cols;
    int down, across;  // tiles
    int together;      // planes whose tiles take turns, since they lie in the same memory: channels of a pixel
    int64_t planes;

    __host__ __device__ int64_t tiles() const { return static_cast<int64_t>(down) * across; }

    __device__ __forceinline__ Tile tile(unsigned block) const {
        const unsigned tiles = static_cast<unsigned>(down) * static_cast<unsigned>(across);
        const unsigned many = static_cast<unsigned>(together), set = block / (tiles * many),
                       in_set = block - set * tiles * many;
        const int index = static_cast<int>(in_set / many), r = index / across * tile_rows,
                  c = index % across * tile_cols;
        return {static_cast<int>(set * many + in_set % many),
                index,
                r,
                min(r + tile_rows, rows),
                c,
                min(c + tile_cols, cols)};
    }
};

}  // namespace limen::cuda
