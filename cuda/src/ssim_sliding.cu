#include "column_pair.h"
#include "halve_rows.h"
#include "number.h"
#include "ssim_forward.h"
#include "sums.h"

namespace limen::cuda {
namespace {

constexpr int Q = 4;                     // u, v, u^2, v^2
using Rows = StripRows<2 * kGroup * Q>;  // a group in work and the next one

// Of a lane's columns, those from `first` on before `last`.
struct LaneColumns {
    int first, last;
};

// The sum of |x - y| of a group of rows, over those of the thread's pixels that lie in the image and in the tile; the last one takes what
// is left.
__device__ __forceinline__ float absolute_errors(const Source& s, const ColumnPair& columns,
                                                 const PairBits (&bits)[kGroup], const Tile& tile, const TileGrid& grid,
                                                 int row, int column) {
    const int row_begin = max(tile.row_begin, s.pad), col_begin = max(tile.col_begin, s.pad);
    const int row_end = tile.row_end == grid.rows ? s.pad + s.height : min(tile.row_end, s.pad + s.height);
    const int col_end = tile.col_end == grid.cols ? s.pad + s.width : min(tile.col_end, s.pad + s.width);
    const bool first = column >= col_begin && column < col_end,
               second = column + 1 >= col_begin && column + 1 < col_end;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kGroup; i++) {
        float x[2], y[2];
        columns.to_float(s, bits[i], x, y);
        if (row + i < row_begin || row + i >= row_end) continue;
        sum += first ? fabsf(x[0] - y[0]) : 0.0f;
        sum += second ? fabsf(x[1] - y[1]) : 0.0f;
    }
    return sum;
}

enum class Beside { nothing, map, absolute };

template <bool luminance, Beside beside>
__global__ void __launch_bounds__(kSlideThreads, beside == Beside::map ? 1 : kForwardBlocks)
    forward_kernel(const __grid_constant__ ForwardParams p) {
    float* const shared = shared_memory<float>();
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const Source& s = p.source;
    const Tile tile = p.grid.tile(blockIdx.x);
    const PlaneSource plane = plane_of(s, tile.plane);
    const int last_row = tile.row_end + kTaps - 2;
    // From an even column of the image on, or from that on where a pair begins that is halved; which may be one column early.
    const int strip = luminance ? tile.col_begin - ((tile.col_begin - s.pad) & 1)
                                : RowHalver::first_column(p.coarse, s, tile.col_begin);
    // The images' own center is that of all their scales.
    const bool whole = !luminance && p.coarse.centers && !s.centers;
    const Center<float> center =
        whole ? center_of<float>(s, plane, s.pad, s.pad + s.height, s.pad, s.pad + s.width)
              : center_of<float>(s, plane, tile.row_begin, last_row + 1, tile.col_begin, tile.col_end + kTaps - 1);
    if (whole && tile.index == 0 && thread == 0) {
        p.coarse.centers[2 * tile.plane] = static_cast<double>(center.u);
        p.coarse.centers[2 * tile.plane + 1] = static_cast<double>(center.v);
    }
    RowHalver halver(p.coarse, s, p.grid, tile, strip + 2 * thread, center);
    const SsimConstants<float> k = {1, center.u, center.v, p.c1, p.c2, p.epsilon};
    const ColumnPair columns(s, plane, strip + 2 * thread, tile.col_end + kTaps - 1);

    // Those that count wait in shared memory, since registers are taken.
    LaneColumns* const own = reinterpret_cast<LaneColumns*>(shared + Rows::kWords);
    if (thread < 32)
        own[thread] = {max(tile.col_begin - strip - kLaneColumns * lane, 0),
                       min(tile.col_end - strip - kLaneColumns * lane, kLaneColumns)};
    LongSum<float>* const absolute = reinterpret_cast<LongSum<float>*>(own + 32) + thread;
    if constexpr (beside == Beside::absolute) *absolute = {};
    LongSum<float> total;
    ColumnSums<Q> sums;
    sums.clear();
    PairBits bits[kGroup];
    const auto read = [&](int row) { columns.read(s, row, tile.row_begin, last_row + 1, bits); };
    // Sums are complete after ten rows; two more in front make whole groups of them.
    const int ready = tile.row_begin + kTaps - 1;
    read(ready - 3 * kGroup);
    int parity = 0;
    for (int row = ready - 3 * kGroup; row <= last_row; row += kGroup) {
        const Rows rows = {shared};
        const bool inside = !luminance && halver.inside(s, tile, row);
#pragma unroll
        for (int i = 0; i < kGroup; i++) {
            float u[2], v[2];
            columns.convert(s, bits[i], center, u, v);
            // Rows in front of the tile and behind it are not read: others stand for them.
            if (inside) halver.take_inside(p.coarse, s, tile, row, i, u, v);
            else if (!luminance && row + i >= tile.row_begin && row + i <= last_row)
                halver.take(p.coarse, s, p.grid, tile, center, row + i, u, v);
            const int at = (parity + i) * Q;
            rows.pair(at, thread) = {sums.add(0, 0, u[0], p.taps), sums.add(0, 1, u[1], p.taps)};
            rows.pair(at + 1, thread) = {sums.add(1, 0, v[0], p.taps), sums.add(1, 1, v[1], p.taps)};
            rows.pair(at + 2, thread) = {sums.add(2, 0, u[0] * u[0], p.taps), sums.add(2, 1, u[1] * u[1], p.taps)};
            rows.pair(at + 3, thread) = {sums.add(3, 0, v[0] * v[0], p.taps), sums.add(3, 1, v[1] * v[1], p.taps)};
        }
        if constexpr (beside == Beside::absolute)
            absolute->add(absolute_errors(s, columns, bits, tile, p.grid, row, strip + 2 * thread));
        read(row + kGroup);
        if (row < ready) continue;
        __syncthreads();
        if (row + warp <= last_row) {
            float m[Q][kLaneColumns];
#pragma unroll
            for (int q = 0; q < Q; q++) blur_along<0>(rows, (parity + warp) * Q + q, lane, p.taps, m[q]);
            float sum = 0;
#pragma unroll
            for (int j = 0; j < kLaneColumns; j++) {
                const SsimMoments<float> moments = {m[0][j], m[1][j], m[2][j], m[3][j]};
                m[0][j] = ssim_value<luminance>(ssim_terms(moments, k), k);
            }
            const LaneColumns counts = own[lane];
            if (counts.first == 0 && counts.last == kLaneColumns) {
#pragma unroll
                for (int j = 0; j < kLaneColumns; j++) sum += m[0][j];
            } else {
#pragma unroll
                for (int j = 0; j < kLaneColumns; j++)
                    if (j >= counts.first && j < counts.last) sum += m[0][j];
            }
            total.add(sum);
            if constexpr (beside == Beside::map) {
                // Through shared memory, so that a warp writes columns side by side. The row is this warp's alone, and read.
                __syncwarp();
                const int at = (parity + warp) * Q;
                rows.quad(at, lane, 0) = {m[0][0], m[0][1], m[0][2], m[0][3]};
                rows.quad(at, lane, 1) = {m[0][4], m[0][5], m[0][6], m[0][7]};
                __syncwarp();
                const int64_t line = p.map.plane(tile.plane) + (row + warp - kTaps + 1) * p.map.row;
                for (int col = tile.col_begin - strip + lane; col < tile.col_end - strip; col += 32)
                    p.map.write(line + (strip + col) * p.map.column, rows.word(at, col));
            }
        }
        parity ^= kGroup;
    }
    double* const words = shared_memory<double>();
    if constexpr (beside == Beside::absolute) {
        const double errors = block_sum(absolute->value(), words);
        if (thread == 0) p.absolute[tile.plane * p.grid.tiles() + tile.index] = errors;
    }
    const double sum = block_sum(total.value(), words);
    if (thread == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = sum;
}

}  // namespace

cudaError_t forward_sliding(const ForwardParams& p, cudaStream_t stream) {
    const auto kernel = !p.formula.luminance ? forward_kernel<false, Beside::nothing>
                        : p.map.data         ? forward_kernel<true, Beside::map>
                        : p.absolute         ? forward_kernel<true, Beside::absolute>
                                             : forward_kernel<true, Beside::nothing>;
    const std::size_t bytes = Rows::kWords * sizeof(float) + 32 * sizeof(LaneColumns) +
                              (p.absolute ? kSlideThreads * sizeof(LongSum<float>) : 0);
    return launch(kernel, dim3(blocks_of(p.grid)), dim3(kSlideThreads), bytes, stream, p);
}

}  // namespace limen::cuda
