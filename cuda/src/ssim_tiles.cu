// SSIM by any window, and in float64; and the slopes that its gradient is made of.
#include "number.h"
#include "ssim_forward.h"
#include "sums.h"

namespace limen::cuda {
namespace {

template <class T>
__device__ __forceinline__ T weight_at(const ForwardParams& p, const Tile& tile, int row, int col) {
    if (!p.weights.data) return 1;
    return p.weights.template read<T>(p.weights.plane(tile.plane + p.first_plane) + row * p.weights.row +
                                      col * p.weights.column);
}

// Half of the slopes' sum for u and v; see ssim_math.h.
template <class T>
__device__ __forceinline__ void write_slopes(const ForwardParams& p, const Tile& tile, int row, int col,
                                             const SsimSlopes<T>& d) {
    const T weight = weight_at<T>(p, tile, row, col);
    const int64_t plane = static_cast<int64_t>(p.grid.rows) * p.grid.cols, all = p.slope_planes * plane;
    T* const out = static_cast<T*>(p.slopes) + tile.plane * plane + static_cast<int64_t>(row) * p.grid.cols + col;
    out[0] = weight * (p.quantities == 4 ? d.u : d.u + d.v);
    out[all] = weight * d.uu;
    out[2 * all] = weight * d.vv;
    if (p.quantities == 4) out[3 * all] = weight * d.v;
}

template <class T>
__global__ void __launch_bounds__(kTileThreads, 4) forward_tiles(const __grid_constant__ ForwardParams p) {
    constexpr int Q = 4, R = kTileRows<T>;
    const Source& s = p.source;
    const Tile tile = p.grid.tile(blockIdx.x);
    const PlaneSource plane = plane_of(s, tile.plane + p.first_plane);
    const int history = 2 * p.formula.window.reach, last_row = tile.row_end - 1 + history,
              last_col = tile.col_end - 1 + history;
    // Slopes that different tiles make must be about the same center: they meet in one gradient.
    const Center<T> center = p.slopes
                                 ? center_of<T>(s, plane, s.pad, s.pad + s.height, s.pad, s.pad + s.width)
                                 : center_of<T>(s, plane, tile.row_begin, last_row + 1, tile.col_begin, last_col + 1);
    const SsimConstants<T> k = {1,
                                center.u,
                                center.v,
                                static_cast<T>(p.formula.c1),
                                static_cast<T>(p.formula.c2),
                                static_cast<T>(p.formula.epsilon)};
    T sums[R][Q];
    blur_tile<T, Q>(
        p.formula.window,
        [&](int i, int j, T(&value)[Q]) {
            T u, v;
            read_pair<T>(s, plane, center, min(tile.row_begin + i, last_row), min(tile.col_begin + j, last_col), u, v);
            value[0] = u, value[1] = v, value[2] = u * u, value[3] = v * v;
        },
        sums);
    const int col = tile.col_begin + static_cast<int>(threadIdx.x);
    LongSum<T> total;
#pragma unroll
    for (int r = 0; r < R; r++) {
        const int row = tile.row_begin + r;
        if (row >= tile.row_end || col >= tile.col_end) continue;
        const SsimMoments<T> m = {sums[r][0], sums[r][1], sums[r][2], sums[r][3]};
        if (p.slopes) {
            const SsimSlopes<T> d = p.formula.luminance ? ssim_slopes<true>(m, k) : ssim_slopes<false>(m, k);
            write_slopes<T>(p, tile, row, col, d);
            total.add(d.value);
        } else {
            const SsimTerms<T> t = ssim_terms(m, k);
            const T value = p.formula.luminance ? ssim_value<true>(t, k) : ssim_value<false>(t, k);
            if (p.map.data) p.map.write(p.map.plane(tile.plane) + row * p.map.row + col * p.map.column, value);
            total.add(value);
        }
    }
    const double sum = block_sum(total.value(), shared_memory<double>());
    if (threadIdx.x == 0) p.sums[(tile.plane + p.first_plane) * p.grid.tiles() + tile.index] = sum;
}

}  // namespace

cudaError_t forward_tiles(const ForwardParams& p, bool wide, cudaStream_t stream) {
    const dim3 grid(blocks_of(p.grid)), block(kTileThreads);
    return wide ? launch(forward_tiles<double>, grid, block, tile_blur_bytes<double, 4>(p.formula.window), stream, p)
                : launch(forward_tiles<float>, grid, block, tile_blur_bytes<float, 4>(p.formula.window), stream, p);
}

}  // namespace limen::cuda
