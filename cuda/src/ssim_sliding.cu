#include "column_pair.h"
#include "halve_rows.h"
#include "number.h"
#include "ssim_forward.h"
#include "sums.h"

namespace limen::cuda {
namespace {

constexpr int Q = 4;  // u, v, u^2, v^2
constexpr int kGroup = kForwardGroup, kColumns = kLaneColumns<kGroup>;
using Rows = GroupRows<Q, kGroup>;

// The sum of |x - y| of a group of rows, over those of the thread's pixels that lie in the image and in the tile; the last one takes what
// is left.
template <Pixels kind>
__device__ __forceinline__ float absolute_errors(const Source& s, const ColumnPair<kind>& columns,
                                                 const IncomingRows<kind, kGroup>& rows, const Tile& tile,
                                                 const TileGrid& grid, int row, int column) {
    const int row_begin = max(tile.row_begin, s.pad), col_begin = max(tile.col_begin, s.pad);
    const int row_end = tile.row_end == grid.rows ? s.pad + s.height : min(tile.row_end, s.pad + s.height);
    const int col_end = tile.col_end == grid.cols ? s.pad + s.width : min(tile.col_end, s.pad + s.width);
    const bool first = column >= col_begin && column < col_end,
               second = column + 1 >= col_begin && column + 1 < col_end;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kGroup; i++) {
        float x[2], y[2];
        columns.to_float(s, rows.row(i), x, y);
        if (row + i < row_begin || row + i >= row_end) continue;
        sum += first ? fabsf(x[0] - y[0]) : 0.0f;
        sum += second ? fabsf(x[1] - y[1]) : 0.0f;
    }
    return sum;
}

enum class Beside { nothing, map, absolute };

// Groups in shared memory: a third lets warps be further apart, where a multiprocessor has room for it in as many blocks as registers
// allow.
constexpr int kSlots = kLargeShared ? 3 : 2;

// Of a lane's columns, those from `first` on before `last` count.
struct LaneColumns {
    int first, last;
};

// What a block has in shared memory.
template <Beside beside, Pixels kind, int Slots>
struct Shared {
    Ring<Q, kGroup, Slots, 0> rows;
    uint2* incoming;
    Gate* gates;
    LaneColumns* counts;        // of every four columns
    float* map_words;           // of each warp
    LongSum<float>* absolutes;  // of each thread

    static constexpr std::size_t kRowBytes = Ring<Q, kGroup, Slots, 0>::kWords * sizeof(float),
                                 kGateBytes = 2 * Slots * sizeof(Gate),
                                 kCountBytes = kStripColumns / kColumns * sizeof(LaneColumns);
    static constexpr int kMapWords = 32 * kColumns;
    static constexpr std::size_t kBesideBytes = beside == Beside::map        ? kGateWarps * kMapWords * sizeof(float)
                                                : beside == Beside::absolute ? kSlideThreads * sizeof(LongSum<float>)
                                                                             : 0;
    static constexpr std::size_t kIncomingBytes = IncomingRows<kind, kGroup>::kWords * sizeof(uint2);
    static constexpr std::size_t kBytes = kRowBytes + kIncomingBytes + kGateBytes + kCountBytes + kBesideBytes;

    __device__ __forceinline__ explicit Shared(char* memory) {
        rows.words = reinterpret_cast<float*>(memory);
        incoming = reinterpret_cast<uint2*>(memory + kRowBytes);
        gates = reinterpret_cast<Gate*>(memory + kRowBytes + kIncomingBytes);
        counts = reinterpret_cast<LaneColumns*>(gates + 2 * Slots);
        map_words = reinterpret_cast<float*>(counts + kStripColumns / kColumns);
        absolutes = reinterpret_cast<LongSum<float>*>(counts + kStripColumns / kColumns);
    }
};

// A lane's four columns of the map. Through shared memory, so that a warp writes columns side by side.
__device__ __forceinline__ void write_map(const Output& map, const Tile& tile, int row, int column,
                                          const float (&value)[kColumns], float* words, int lane) {
#pragma unroll
    for (int j = 0; j < kColumns; j += 4)
        *reinterpret_cast<float4*>(words + kColumns * lane + j) = {value[j], value[j + 1], value[j + 2], value[j + 3]};
    __syncwarp();
    const int64_t line = map.plane(tile.plane) + row * map.row;
#pragma unroll
    for (int i = 0; i < kColumns; i++) {
        const int at = lane + 32 * i, col = column - kColumns * lane + at;
        if (col >= tile.col_begin && col < tile.col_end) map.write(line + col * map.column, words[at]);
    }
    __syncwarp();
}

template <bool luminance, Beside beside, Pixels kind>
__global__ void __launch_bounds__(kSlideThreads, beside == Beside::map ? kMapBlocks : kForwardBlocks)
    forward_kernel(const __grid_constant__ ForwardParams p) {
    using SharedMemory = Shared<beside, kind, kSlots>;
    const SharedMemory shared(shared_memory<char>());
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
    const float first = center.first + (kind == Pixels::narrow ? s.narrow.bias : 0.0f),
                second = center.second + (kind == Pixels::narrow ? s.narrow.bias : 0.0f);
    const ColumnPair<kind> columns(s, plane, strip + 2 * thread, s.width + 2 * s.pad);
    const LanePlace<kGroup> lanes(warp, lane);
    // Waits in shared memory, since registers are taken.
    if (lanes.row == 0)
        shared.counts[lanes.column / kColumns] = {tile.col_begin - strip - lanes.column,
                                                  tile.col_end - strip - lanes.column};
    const Gates gates(shared.gates);
    if (thread == 0) shared.rows.open(gates);
    if constexpr (beside == Beside::absolute) shared.absolutes[thread] = {};
    __syncthreads();

    LongSum<float> total;
    ColumnSums<Q> sums;
    sums.clear();
    IncomingRows<kind, kGroup> incoming(shared.incoming);
    RingPlace<kSlots> place;
    // The first time round only reads, the last time only blurs. Whole groups of rows come before the first sums are complete.
    const int ready = tile.row_begin + kHistory, begin = ready - kAhead<kGroup> * kGroup;
    for (int row = begin - kGroup; row <= last_row + kGroup; row += kGroup) {
        if (row >= begin && row <= last_row) {
            const Rows rows = shared.rows.rows(place);
            incoming.wait();
            shared.rows.wait_to_write(gates, place);
            const bool inside = !luminance && halver.inside(s, tile, row);
            const RowHalver::Place coarse = inside ? halver.place(p.coarse, s, tile, row) : RowHalver::Place{};
#pragma unroll
            for (int i = 0; i < kGroup; i++) {
                float u[2], v[2];
                columns.convert(s, incoming.row(i), first, second, u, v);
                // Rows before the tile and behind it are not read: others stand for them.
                if (inside) halver.take_inside(p.coarse, coarse, i, u, v);
                else if (!luminance && row + i >= tile.row_begin && row + i <= last_row)
                    halver.take(p.coarse, s, p.grid, tile, center, row + i, u, v);
                rows.pair(i, 0, thread) = {sums.add(0, 0, u[0], p.taps), sums.add(0, 1, u[1], p.taps)};
                rows.pair(i, 1, thread) = {sums.add(1, 0, v[0], p.taps), sums.add(1, 1, v[1], p.taps)};
                rows.pair(i, 2, thread) = {sums.add(2, 0, u[0] * u[0], p.taps), sums.add(2, 1, u[1] * u[1], p.taps)};
                rows.pair(i, 3, thread) = {sums.add(3, 0, v[0] * v[0], p.taps), sums.add(3, 1, v[1] * v[1], p.taps)};
            }
            shared.rows.have_written(gates, place);
            if constexpr (beside == Beside::absolute)
                shared.absolutes[thread].add(
                    absolute_errors(s, columns, incoming, tile, p.grid, row, strip + 2 * thread));
        }
        if (row + kGroup <= last_row) columns.fetch(s, row + kGroup, tile.row_begin, last_row + 1, incoming);
        if (row < begin) continue;
        const RingPlace<kSlots> before = place.before();
        place.advance();
        if (row == begin) continue;
        // The group before.
        if (row - kGroup >= ready) {
            const int done = row - kGroup + lanes.row;
            shared.rows.wait_to_read(gates, before);
            if (done <= last_row) {
                const Rows rows = shared.rows.rows(before);
                float m[Q][kColumns];
#pragma unroll
                for (int q = 0; q < Q; q++) blur_along(rows, lanes.row, lanes.column, q, p.taps, m[q]);
                float value[kColumns], sum = 0;
#pragma unroll
                for (int j = 0; j < kColumns; j++) {
                    const SsimMoments<float> moments = {m[0][j], m[1][j], m[2][j], m[3][j]};
                    value[j] = ssim_value<luminance>(ssim_terms(moments, k), k);
                }
                const LaneColumns counts = shared.counts[lanes.column / kColumns];
                if (counts.first <= 0 && counts.last >= kColumns) {
#pragma unroll
                    for (int j = 0; j < kColumns; j++) sum += value[j];
                } else {
#pragma unroll
                    for (int j = 0; j < kColumns; j++)
                        if (j >= counts.first && j < counts.last) sum += value[j];
                }
                total.add(sum);
                if constexpr (beside == Beside::map)
                    write_map(p.map, tile, done - kHistory, strip + lanes.column, value,
                              shared.map_words + warp * SharedMemory::kMapWords, lane);
            }
        }
        shared.rows.have_read(gates, before);
    }
    double* const words = shared_memory<double>();
    if constexpr (beside == Beside::absolute) {
        const double errors = block_sum(shared.absolutes[thread].value(), words);
        if (thread == 0) p.absolute[tile.plane * p.grid.tiles() + tile.index] = errors;
    }
    const double sum = block_sum(total.value(), words);
    if (thread == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = sum;
}

template <bool luminance, Beside beside, Pixels kind>
cudaError_t start(const ForwardParams& p, cudaStream_t stream) {
    return launch(forward_kernel<luminance, beside, kind>, dim3(blocks_of(p.grid)), dim3(kSlideThreads),
                  has_large_shared() ? Shared<beside, kind, 3>::kBytes : Shared<beside, kind, 2>::kBytes, stream, p);
}

template <bool luminance, Beside beside>
cudaError_t start(const ForwardParams& p, cudaStream_t stream) {
    // A scale of MS-SSIM has neither a map nor absolute errors.
    if constexpr (beside == Beside::nothing)
        if (p.source.is_uv) return start<luminance, beside, Pixels::uv>(p, stream);
    return p.source.dtype == DType::float32 ? start<luminance, beside, Pixels::floats>(p, stream)
                                            : start<luminance, beside, Pixels::narrow>(p, stream);
}

}  // namespace

cudaError_t forward_sliding(const ForwardParams& p, cudaStream_t stream) {
    if (!p.formula.luminance) return start<false, Beside::nothing>(p, stream);
    if (p.map.data) return start<true, Beside::map>(p, stream);
    return p.absolute ? start<true, Beside::absolute>(p, stream) : start<true, Beside::nothing>(p, stream);
}

}  // namespace limen::cuda
