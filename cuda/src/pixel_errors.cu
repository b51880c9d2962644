#include "pixel_errors.h"

#include "checks.h"
#include "column_pair.h"
#include "launch.h"
#include "means.h"
#include "sums.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 128, kRows = 64, kRowsAhead = 4;

__device__ __forceinline__ double absolute(double v) { return fabs(v); }
__device__ __forceinline__ float absolute(float v) { return fabsf(v); }

template <class T>
__device__ __forceinline__ T error_of(T x, T y, bool square) {
    const T d = x - y;
    return square ? d * d : absolute(d);
}

// A thread goes down two columns, some rows ahead of their use.
template <Pixels kind>
__global__ void __launch_bounds__(kThreads, 8) errors_float(const __grid_constant__ ErrorParams p) {
    const Source& s = p.source;
    const Tile tile = p.grid.tile(blockIdx.x);
    const PlaneSource plane = plane_of(s, tile.plane);
    const int column = tile.col_begin + 2 * static_cast<int>(threadIdx.x);
    const ColumnPair<kind> columns(s, plane, column, tile.col_end);
    LongSum<float> sum;
    for (int row = tile.row_begin; row < tile.row_end && column < tile.col_end; row += kRowsAhead) {
        PairBits bits[kRowsAhead];
        columns.read(s, row, tile.row_begin, tile.row_end, bits);
#pragma unroll
        for (int i = 0; i < kRowsAhead; i++) {
            if (row + i >= tile.row_end) break;
            float u[2], v[2];
            columns.convert(s, bits[i], 0, 0, u, v);  // a column that isn't there is zero in both images
            sum.add(error_of(v[0], 0.0f, p.square) + error_of(v[1], 0.0f, p.square));
        }
    }
    const double total = block_sum(sum.value(), shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = total;
}

__global__ void __launch_bounds__(kThreads, 8) errors_double(const __grid_constant__ ErrorParams p) {
    const Source& s = p.source;
    const Tile tile = p.grid.tile(blockIdx.x);
    const PlaneSource plane = plane_of(s, tile.plane);
    double sum = 0;
    for (int64_t row = tile.row_begin; row < tile.row_end; row++)
        for (int64_t col = tile.col_begin + static_cast<int>(threadIdx.x); col < tile.col_end; col += kThreads)
            sum += error_of(read_number<double>(plane.x, row * s.x_row + col * s.x_column, s.dtype, s.bytes),
                            read_number<double>(plane.y, row * s.y_row + col * s.y_column, s.dtype, s.bytes), p.square);
    const double total = block_sum(sum, shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = total;
}

}  // namespace

TileGrid error_grid(const ImageView& x) {
    return tile_grid(x.batch * x.channels, static_cast<int>(x.height), static_cast<int>(x.width), kRows, 2 * kThreads,
                     planes_together(x));
}

cudaError_t errors(const ErrorParams& p, cudaStream_t stream) {
    const auto kernel = p.wide || p.source.dtype == DType::float64 ? errors_double
                        : p.source.dtype == DType::float32         ? errors_float<Pixels::floats>
                                                                   : errors_float<Pixels::narrow>;
    return launch(kernel, dim3(blocks_of(p.grid)), dim3(kThreads), kThreads / 32 * sizeof(double), stream, p);
}

namespace {

void mean_errors(const ImageView& x, const ImageView& y, bool square, double psnr_range, Reduction reduction,
                 const Scores& scores, const Workspace& workspace, void* stream) {
    detail::check_pair(x, y);
    check_sizes(x);
    check_scores("scores", scores.data, scores.dtype);
    Pieces pieces(workspace, pixel_errors_workspace_bytes(x));
    const TileGrid grid = error_grid(x);
    const bool wide = psnr_range != 0 && detail::beyond_float32(psnr_range);
    ErrorParams p = {source_of(x, y), grid, square, pieces.take<double>(grid.planes * grid.tiles()), wide};
    Means means = means_of(p.sums, grid.tiles(), x.batch, x.channels, reduction == Reduction::channels,
                           static_cast<double>(x.height) * static_cast<double>(x.width), scores.data, scores.dtype);
    means.psnr_range = psnr_range;
    blocks_of(grid);
    check(errors(p, static_cast<cudaStream_t>(stream)), "pixel errors");
    check(mean(means, static_cast<cudaStream_t>(stream)), "means of pixel errors");
}

}  // namespace

std::size_t pixel_errors_workspace_bytes(const ImageView& x) {
    check_shape(x);
    Pieces pieces;
    const TileGrid grid = error_grid(x);
    pieces.take<double>(grid.planes * grid.tiles());
    return pieces.bytes();
}

void mse(const ImageView& x, const ImageView& y, Reduction reduction, const Scores& scores, const Workspace& workspace,
         void* stream) {
    mean_errors(x, y, true, 0, reduction, scores, workspace, stream);
}

void mae(const ImageView& x, const ImageView& y, Reduction reduction, const Scores& scores, const Workspace& workspace,
         void* stream) {
    mean_errors(x, y, false, 0, reduction, scores, workspace, stream);
}

void psnr(const ImageView& x, const ImageView& y, double data_range, Reduction reduction, const Scores& scores,
          const Workspace& workspace, void* stream) {
    detail::check_pair(x, y);
    detail::check_data_range(data_range, x.dtype);
    mean_errors(x, y, true, data_range, reduction, scores, workspace, stream);
}

}  // namespace limen::cuda
