// Gradients from slopes in device memory: for any window, and in float64.
#include "gradient.h"
#include "tile_blur.h"

namespace limen::cuda {
namespace {

template <class T, int Q>
__global__ void __launch_bounds__(kTileThreads, 4) adjoint_kernel(const __grid_constant__ AdjointParams p) {
    constexpr int R = kTileRows<T>;
    const Source& s = p.source;
    const Tile tile = p.grid.tile(blockIdx.x);
    const int plane_index = tile.plane + p.first_plane;
    const PlaneSource plane = plane_of(s, plane_index);
    const Center<T> center =
        center_of<T>(s, plane, s.pad, s.pad + s.height, s.pad, s.pad + s.width);  // the slopes' own
    const int history = 2 * p.window.reach;
    const int64_t positions = static_cast<int64_t>(p.position_rows) * p.position_cols, all = p.slope_planes * positions;
    const T* const slopes = static_cast<const T*>(p.slopes) + tile.plane * positions;
    T sums[R][Q];
    // Pixel p gathers from positions p - history to p.
    blur_tile<T, Q>(
        p.window,
        [&](int i, int j, T(&value)[Q]) {
            const int row = tile.row_begin - history + i, col = tile.col_begin - history + j;
            const bool is_position = row >= 0 && row < p.position_rows && col >= 0 && col < p.position_cols;
            const int64_t at = static_cast<int64_t>(row) * p.position_cols + col;
#pragma unroll
            for (int q = 0; q < Q; q++) value[q] = is_position ? slopes[q * all + at] : T(0);
        },
        sums);
    const T factor = p.out.factor.template of<T>(plane_index);
    const T absolute = p.out.has_absolute ? p.out.absolute.template of<T>(plane_index) : T(0);
    const int col = tile.col_begin + static_cast<int>(threadIdx.x);
#pragma unroll
    for (int r = 0; r < R; r++) {
        const int row = tile.row_begin + r;
        if (row >= tile.row_end || col >= tile.col_end) continue;
        T u, v, gx, gy;
        read_pair<T>(s, plane, center, row, col, u, v);
        if constexpr (Q == 4) {
            const T gu = sums[r][0] + u * sums[r][1], gv = sums[r][3] + v * sums[r][2];
            gx = factor * (gu + gv), gy = factor * (gu - gv);
        } else {
            gx = factor * (sums[r][0] + u * sums[r][1] + v * sums[r][2]), gy = 0;
        }
        if (p.out.has_absolute) {
            const int i = row - s.pad, j = col - s.pad;
            if (i >= 0 && i < s.height && j >= 0 && j < s.width) {
                const T slope = absolute * sign_of_difference<T>(s, plane, i, j);
                gx += slope, gy -= slope;
            }
        }
        put_gradient<T>(p.out, s, plane_index, row, col, gx, gy);
    }
}

template <class T>
cudaError_t start(const AdjointParams& p, cudaStream_t stream) {
    const dim3 grid(blocks_of(p.grid)), block(kTileThreads);
    return p.out.y.data ? launch(adjoint_kernel<T, 4>, grid, block, tile_blur_bytes<T, 4>(p.window), stream, p)
                        : launch(adjoint_kernel<T, 3>, grid, block, tile_blur_bytes<T, 3>(p.window), stream, p);
}

}  // namespace

cudaError_t adjoint_tiles(const AdjointParams& p, bool wide, cudaStream_t stream) {
    return wide ? start<double>(p, stream) : start<float>(p, stream);
}

}  // namespace limen::cuda
