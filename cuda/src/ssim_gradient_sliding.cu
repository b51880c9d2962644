// The gradient of SSIM by 11 taps in one sweep: means, slopes and their blur, nothing stored between them.
//
// Half of a block's warps slide down the images as in ssim_sliding.cu and leave slopes where that kernel adds up values. The other half
// slides down the slopes in the same way, a few rows behind, and leaves gradients; having less to do, it makes some of the slopes, too.
// Either half stops for the other only if that one is two groups of rows away.
#include "column_pair.h"
#include "lane_coarse.h"
#include "lane_pixels.h"
#include "number.h"
#include "plane_gradient.h"
#include "sums.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 2 * kSlideThreads;
constexpr int kMoments = 4;
constexpr int kGroup = kGradientGroup, kColumns = kLaneColumns<kGroup>;
template <int Q>
using Rows = GroupRows<Q, kGroup>;

// Groups of moments in shared memory, as far as there is room in two blocks. Powers of two take the least to count by.
template <int Q>
constexpr int kSlots = Q == 3 && kLargeShared ? 4 : 2;

// One in so many groups of slopes is made by the half that goes down the slopes, which else has less to do. Both gradients leave it
// neither the time nor the registers.
constexpr unsigned kShare = 4;
template <int Q>
constexpr bool kShares = Q == 3;

// What threads hardly ever need waits in shared memory, too: the sums take up the registers.
struct BlockState {
    Tile tile;
    PlaneSource plane;
    Center<float> center;
    float offset_x, offset_y;  // what is subtracted from pixels: their center, with the bias of narrow ones
    int begin, end;            // rows that may be read
    int strip;                 // first column that is read
    int own_begin, own_end;    // columns of positions that count in the tile's sum
    int pixel_row_begin, pixel_row_end;
    int pixel_begin, pixel_end;  // columns of pixels, from the first whose sums are complete on
    int first_row;               // of positions
    int groups;                  // of rows of them
    int64_t out_x, out_y;        // where the plane's gradients begin
    int64_t coarse;              // and those of the coarser scale
    float factor, absolute;
};

// Of a lane's columns.
enum class Part { none, some, all };
__device__ __forceinline__ Part part_inside(int first, int count, int begin, int end) {
    return first >= begin && first + count <= end ? Part::all
           : first + count > begin && first < end ? Part::some
                                                  : Part::none;
}

// The pixels of a lane's columns.
struct LaneColumns {
    const char* x;  // where the first begins in the image's first row
    const char* y;
    int column;   // of the image
    Part part;    // whose sums are complete
    bool direct;  // nothing is added to their gradients afterwards
};

template <int Q, Pixels kind, int Slots>
struct Shared {
    using Moments = Ring<kMoments, kGroup, Slots, 0>;
    using Slopes = Ring<Q, kGroup, 2, Moments::kEndGate>;
    using Gradients = Ring<Q, kGroup, 2, Slopes::kEndGate>;

    Moments moments;
    Slopes slopes;
    Gradients gradients;
    Gate* gates;
    uint2* incoming;            // of the threads that go down the images
    ColumnPair<kind>* columns;  // of the same
    LongSum<float>* totals;     // of all threads that make slopes
    LaneColumns* lanes;         // of the threads that go down the slopes
    BlockState* state;
    SlidingGradientParams* params;  // once more, for what is rarely done

    static constexpr int kGates = Gradients::kEndGate, kTotals = kShares<Q> ? kThreads : kSlideThreads;
    static constexpr std::size_t kRowBytes = (Moments::kWords + Slopes::kWords + Gradients::kWords) * sizeof(float);
    static constexpr std::size_t kIncomingBytes = IncomingRows<kind, kGroup>::kWords * sizeof(uint2);
    static constexpr std::size_t kBytes = kRowBytes + kIncomingBytes + kGates * sizeof(Gate) +
                                          kSlideThreads * (sizeof(ColumnPair<kind>) + sizeof(LaneColumns)) +
                                          kTotals * sizeof(LongSum<float>) + sizeof(BlockState) +
                                          sizeof(SlidingGradientParams);

    static_assert(Slots > 2 || kBytes <= 64 << 10);

    __device__ __forceinline__ explicit Shared(char* memory) {
        moments.words = reinterpret_cast<float*>(memory);
        slopes.words = moments.words + Moments::kWords;
        gradients.words = slopes.words + Slopes::kWords;
        incoming = reinterpret_cast<uint2*>(memory + kRowBytes);
        gates = reinterpret_cast<Gate*>(memory + kRowBytes + kIncomingBytes);
        columns = reinterpret_cast<ColumnPair<kind>*>(gates + kGates);
        totals = reinterpret_cast<LongSum<float>*>(columns + kSlideThreads);
        lanes = reinterpret_cast<LaneColumns*>(totals + kTotals);
        state = reinterpret_cast<BlockState*>(lanes + kSlideThreads);
        params = reinterpret_cast<SlidingGradientParams*>(state + 1);
    }
};

// What a lane knows of the positions in its columns.
struct LanePositions {
    bool exist;  // all of them
    Part own;    // count in the tile's sum
};

// Slopes of the lane's columns from their moments, which are lost; the answer is what they add to the tile's sum.
template <bool luminance, int Q>
__device__ __forceinline__ float write_slopes(const SlidingGradientParams& p, const BlockState& state,
                                              float (&m)[kMoments][kColumns], const Rows<Q>& out, int row,
                                              const LanePlace<kGroup>& lanes, const LanePositions& positions) {
    const SsimConstants<float> k = {1, state.center.u, state.center.v, p.c1, p.c2, p.epsilon};
    float value[kColumns];
#pragma unroll
    for (int j = 0; j < kColumns; j++) {
        const SsimMoments<float> moments = {m[0][j], m[1][j], m[2][j], m[3][j]};
        const SsimSlopes<float> d = ssim_slopes<luminance>(moments, k);
        m[0][j] = Q == 4 ? d.u : d.u + d.v;
        m[1][j] = d.uu;
        m[2][j] = d.vv;
        m[3][j] = d.v;
        value[j] = d.value;
    }
    const bool is_row = row >= 0 && row < p.position_rows;
    if (!is_row || !positions.exist) {
        const int column = state.strip + lanes.column;
#pragma unroll
        for (int j = 0; j < kColumns; j++)
            if (!is_row || column + j < 0 || column + j >= p.position_cols) m[0][j] = m[1][j] = m[2][j] = m[3][j] = 0;
    }
    if (p.weights.data && is_row) {
        const int column = state.strip + lanes.column;
        const int64_t line = p.weights.plane(state.tile.plane) + row * p.weights.row;
#pragma unroll
        for (int j = 0; j < kColumns; j++) {
            if (column + j < 0 || column + j >= p.position_cols) continue;
            const float weight = p.weights.template read<float>(line + (column + j) * p.weights.column);
            m[0][j] *= weight, m[1][j] *= weight, m[2][j] *= weight, m[3][j] *= weight;
        }
    }
#pragma unroll
    for (int q = 0; q < Q; q++)
        out.template at<float4>(lanes.row, q, lanes.column) = {m[q][0], m[q][1], m[q][2], m[q][3]};
    if (!is_row || row < state.tile.row_begin || row >= state.tile.row_end) return 0;
    if (positions.own == Part::all) return (value[0] + value[1]) + (value[2] + value[3]);
    float sum = 0;
    if (positions.own == Part::some) {
        const int column = state.strip + lanes.column;
#pragma unroll
        for (int j = 0; j < kColumns; j++)
            if (column + j >= state.own_begin && column + j < state.own_end) sum += value[j];
    }
    return sum;
}

// Rows that come in from the images: leaves their moments in shared memory.
template <Pixels kind>
__device__ __forceinline__ void take_pixels(const Source& s, const Taps& taps, const ColumnPair<kind>& columns,
                                            float first, float second, const IncomingRows<kind, kGroup>& incoming,
                                            const Rows<kMoments>& rows, int thread, ColumnSums<kMoments>& sums) {
#pragma unroll
    for (int i = 0; i < kGroup; i++) {
        float u[2], v[2];
        columns.convert(s, incoming.row(i), first, second, u, v);
        rows.pair(i, 0, thread) = {sums.add(0, 0, u[0], taps), sums.add(0, 1, u[1], taps)};
        rows.pair(i, 1, thread) = {sums.add(1, 0, v[0], taps), sums.add(1, 1, v[1], taps)};
        rows.pair(i, 2, thread) = {sums.add(2, 0, u[0] * u[0], taps), sums.add(2, 1, u[1] * u[1], taps)};
        rows.pair(i, 3, thread) = {sums.add(3, 0, v[0] * v[0], taps), sums.add(3, 1, v[1] * v[1], taps)};
    }
}

// Columns of a gradient that a lane has in hand at a time, as far as registers go.
template <int Q>
constexpr int kHandful = Q == 3 ? kColumns : kColumns / 2;

// Pixels and what is added to their gradients of x.
template <int N>
struct Lane {
    LanePixels<N> pixels;
    Coarse<N> coarse;
};

// The gradients of row `r` and the columns from `c` on, of the image.
template <bool luminance, int Q, Pixels kind, int N>
__device__ __forceinline__ void gradients_of(const SlidingGradientParams& p, const CoarseGradient& coarse,
                                             const BlockState& state, int r, int c, const float (&m)[Q][N],
                                             const Lane<N>& lane, float (&out_x)[N], float (&out_y)[N]) {
    const LanePixels<N>& pixels = lane.pixels;
    const float factor = state.factor;
#pragma unroll
    for (int j = 0; j < N; j++) {
        float u, v;
        pair_to_uv<kind>(pixels.x[j] - state.offset_x, pixels.y[j] - state.offset_y, u, v);
        if constexpr (Q == 4) {
            const float gu = m[0][j] + u * m[1][j], gv = m[3][j] + v * m[2][j];
            out_x[j] = factor * (gu + gv), out_y[j] = factor * (gu - gv);
        } else {
            out_x[j] = factor * (m[0][j] + u * m[1][j] + v * m[2][j]);
            out_y[j] = 0;
        }
    }
    const bool is_pixel_row = r >= 0 && r < p.source.height;
    if (luminance && kind != Pixels::uv && p.out.has_absolute && is_pixel_row) {
#pragma unroll
        for (int j = 0; j < N; j++) {
            if (c + j < 0 || c + j >= p.source.width) continue;
            const float slope = pixels.x[j] > pixels.y[j]   ? state.absolute
                                : pixels.x[j] < pixels.y[j] ? -state.absolute
                                                            : 0.0f;
            out_x[j] += slope, out_y[j] -= slope;
        }
    }
    // Of MS-SSIM, only the last scale has l, and no coarser one.
    if (!luminance && p.out.coarse.x && is_pixel_row) {
        const auto add = [&](const void* gradient, const Coarse<N>& read, float (&value)[N]) {
            add_coarse(coarse, static_cast<const float*>(gradient) + state.coarse, r, c, read, value);
        };
        if constexpr (Q == 3) {
            add(coarse.x, lane.coarse, out_x);
        } else {  // no registers are left to have them early
            const auto read = [&](const void* gradient) {
                return read_coarse<N>(coarse, static_cast<const float*>(gradient) + state.coarse, r, c);
            };
            add(coarse.x, read(coarse.x), out_x);
            add(coarse.y, read(coarse.y), out_y);
        }
    }
}

// N gradients side by side, if `quads`, or each where it belongs.
template <int N>
__device__ __forceinline__ void write_gradients(const Output& out, const Output& rare, bool quads, int64_t plane, int r,
                                                int c, const float (&value)[N]) {
    if (!quads) {
#pragma unroll 1
        for (int j = 0; j < N; j++) rare.write(plane + r * rare.row + (c + j) * rare.column, one_of(value, j));
        return;
    }
    const int64_t at = plane + static_cast<int64_t>(r) * static_cast<int>(out.row) + c;
    if (out.dtype == DType::float32) {
        float* const floats = static_cast<float*>(out.data) + at;
        if constexpr (N == 4) *reinterpret_cast<float4*>(floats) = {value[0], value[1], value[2], value[3]};
        else *reinterpret_cast<float2*>(floats) = {value[0], value[1]};
    } else {
        uint32_t words[N / 2];
#pragma unroll
        for (int j = 0; j < N; j += 2) words[j / 2] = narrow_from_floats(out.dtype, value[j], value[j + 1]);
        unsigned short* const numbers = static_cast<unsigned short*>(out.data) + at;
        if constexpr (N == 4) *reinterpret_cast<uint2*>(numbers) = {words[0], words[1]};
        else *reinterpret_cast<unsigned int*>(numbers) = words[0];
    }
}

template <int Q>
__device__ __forceinline__ bool made_by_adjoint(int group) {
    return kShares<Q> && static_cast<unsigned>(group) % kShare == kShare - 1;
}

// The `group`-th rows of slopes, from moments that are whole.
template <bool luminance, int Q, Pixels kind, int Slots>
__device__ __forceinline__ void make_group(const SlidingGradientParams& p, const Shared<Q, kind, Slots>& shared,
                                           const Gates& gates, int group, const LanePlace<kGroup>& lanes,
                                           const LanePositions& positions) {
    const BlockState& state = *shared.state;
    const auto from = RingPlace<Slots>::of(group + kAhead<kGroup>);
    const RingPlace<2> to = RingPlace<2>::of(group);
    float m[kMoments][kColumns];
    shared.moments.wait_to_read(gates, from);
#pragma unroll
    for (int q = 0; q < kMoments; q++) blur_along(shared.moments.rows(from), lanes.row, lanes.column, q, p.taps, m[q]);
    shared.moments.have_read(gates, from);
    shared.slopes.wait_to_write(gates, to);
    shared.totals[threadIdx.x].add(write_slopes<luminance, Q>(
        p, state, m, shared.slopes.rows(to), state.first_row + group * kGroup + lanes.row, lanes, positions));
    shared.slopes.have_written(gates, to);
}

__device__ __forceinline__ LanePositions positions_of(const SlidingGradientParams& p, const BlockState& state,
                                                      const LanePlace<kGroup>& lanes) {
    const int column = state.strip + lanes.column;
    return {part_inside(column, kColumns, 0, p.position_cols) == Part::all,
            part_inside(column, kColumns, state.own_begin, state.own_end)};
}

// The half that goes down the images.
template <bool luminance, int Q, Pixels kind, int Slots>
__device__ __forceinline__ void make_slopes(const SlidingGradientParams& p, const Shared<Q, kind, Slots>& shared,
                                            const Gates& gates, int thread, int warp, int lane) {
    const BlockState& state = *shared.state;
    const LanePlace<kGroup> lanes(warp, lane);
    const LanePositions positions = positions_of(p, state, lanes);
    ColumnSums<kMoments> sums;
    sums.clear();
    IncomingRows<kind, kGroup> incoming(shared.incoming);
    shared.columns[thread].fetch(p.source, state.first_row, state.begin, state.end, incoming);
    // The last time round only blurs.
    const int groups = kAhead<kGroup> + state.groups;
    for (int group = 0; group <= groups; group++) {
        if (group < groups) {
            // All that is needed of shared memory is on its way before anyone waits for it.
            const ColumnPair<kind> columns = shared.columns[thread];
            const float first = state.offset_x, second = state.offset_y;
            const int row = state.first_row + (group + 1) * kGroup, begin = state.begin, end = state.end;
            const auto place = RingPlace<Slots>::of(group);
            incoming.wait();
            shared.moments.wait_to_write(gates, place);
            take_pixels(p.source, p.taps, columns, first, second, incoming, shared.moments.rows(place), thread, sums);
            shared.moments.have_written(gates, place);
            if (group + 1 < groups) columns.fetch(p.source, row, begin, end, incoming);
        }
        const int slopes = group - 1 - kAhead<kGroup>;
        if (slopes >= 0) {
            if (!made_by_adjoint<Q>(slopes)) make_group<luminance>(p, shared, gates, slopes, lanes, positions);
        } else if (group > 0) {
            shared.moments.have_read(gates, RingPlace<Slots>::of(group - 1));  // incomplete ones
        }
    }
}

// The half that goes down the slopes.
template <bool luminance, int Q, Pixels kind, int Slots>
__device__ __forceinline__ void make_gradients(const SlidingGradientParams& p, const Shared<Q, kind, Slots>& shared,
                                               const Gates& gates, int thread, int warp, int lane) {
    constexpr int N = kHandful<Q>;
    constexpr bool kEarly = N == kColumns;  // pixels come while slopes are added up, if there are registers for them
    const BlockState& state = *shared.state;
    // Both gradients leave no registers for what the compiler would compute once and keep.
    const SlidingGradientParams& often = Q == 4 ? *shared.params : p;
    const Source& s = often.source;
    const LanePlace<kGroup> lanes(warp, lane);
    const auto bytes = [&] { return kind == Pixels::narrow ? s.bytes : 4; };
    LaneColumns& own = shared.lanes[thread];
    {
        const int padded_column = state.strip + kHistory + lanes.column, column = padded_column - s.pad;
        const bool direct =
            s.near_rows && padded_column >= p.inner_col_begin && padded_column + kColumns <= p.inner_col_end;
        const Part part = part_inside(lanes.column, kColumns, state.pixel_begin, state.pixel_end);
        own = {state.plane.x + max(column, 0) * s.x_column * bytes(),
               state.plane.y + max(column, 0) * s.y_column * bytes(), column, part, direct && part == Part::all};
    }
    ColumnSums<Q> sums;
    sums.clear();
    const LanePositions positions = positions_of(p, state, lanes);
    for (int group = 0; group <= state.groups; group++) {
        if (group < state.groups && made_by_adjoint<Q>(group))
            make_group<luminance>(p, shared, gates, group, lanes, positions);
        // The lane's row of pixels that is completed in the group before.
        int row = 0;
        bool wanted = false, direct = false;
        const auto look = [&] {
            row = state.first_row + (group - 1) * kGroup + lanes.row;
            wanted = own.part != Part::none && row >= state.pixel_row_begin && row < state.pixel_row_end;
            direct = wanted && own.direct && row >= often.inner_row_begin && row < often.inner_row_end;
        };
        Lane<N> lane_pixels;
        const auto read = [&](int i) {
            const int r = row - s.pad;
            const char* const x = own.x + static_cast<int64_t>(r) * s.x_row_bytes;
            const char* const y = own.y + static_cast<int64_t>(r) * s.y_row_bytes;
            if (s.quads) {
                read_together<kind>(s, x + i * bytes(), lane_pixels.pixels.x);
                read_together<kind>(s, y + i * bytes(), lane_pixels.pixels.y);
            } else {
                const Source& rare = shared.params->source;
                read_apart<kind>(rare, x, rare.x_column * bytes(), i, lane_pixels.pixels.x);
                read_apart<kind>(rare, y, rare.y_column * bytes(), i, lane_pixels.pixels.y);
            }
        };
        if constexpr (kEarly) {
            look();
            if (direct) {
                read(0);
                const CoarseGradient& coarse = shared.params->out.coarse;
                if (!luminance && often.out.coarse.x)
                    lane_pixels.coarse = read_coarse<N>(coarse, static_cast<const float*>(coarse.x) + state.coarse,
                                                        row - s.pad, own.column);
            }
        }
        if (group < state.groups) {
            const RingPlace<2> place = RingPlace<2>::of(group);  // in both rings
            shared.slopes.wait_to_read(gates, place);
            shared.gradients.wait_to_write(gates, place);
            const Rows<Q> slopes = shared.slopes.rows(place), gradients = shared.gradients.rows(place);
#pragma unroll(Q == 4 ? 1 : kGroup)
            for (int i = 0; i < kGroup; i++)
#pragma unroll
                for (int q = 0; q < Q; q++) {
                    const float2 slope = slopes.pair(i, q, thread);
                    gradients.pair(i, q, thread) = {sums.add(q, 0, slope.x, p.taps), sums.add(q, 1, slope.y, p.taps)};
                }
            shared.slopes.have_read(gates, place);
            shared.gradients.have_written(gates, place);
        }
        if (group == 0) continue;
        if constexpr (!kEarly) look();
        const RingPlace<2> before = RingPlace<2>::of(group - 1);
        shared.gradients.wait_to_read(gates, before);
        const Rows<Q> rows = shared.gradients.rows(before);
#pragma unroll 1
        for (int i = wanted ? 0 : kColumns; i < kColumns; i += N) {
            const SlidingGradientParams& rare = *shared.params;
            if (direct) {
                if constexpr (!kEarly) read(i);
                float m[Q][N];
#pragma unroll
                for (int q = 0; q < Q; q++) blur_along(rows, lanes.row, lanes.column + i, q, p.taps, m[q]);
                const int r = row - s.pad, c = own.column + i;
                float out_x[N], out_y[N];
                gradients_of<luminance, Q, kind>(often, rare.out.coarse, state, r, c, m, lane_pixels, out_x, out_y);
                write_gradients(often.out.x, rare.out.x, often.quads, state.out_x, r, c, out_x);
                if constexpr (Q == 4) write_gradients(often.out.y, rare.out.y, often.quads, state.out_y, r, c, out_y);
            } else {
                // One pixel after the other: this takes few registers and little code, and is rarely needed.
                const int begin = max(state.pixel_begin - lanes.column - i, 0),
                          end = min(state.pixel_end - lanes.column - i, N);
#pragma unroll 1
                for (int j = begin; j < end; j++) {
                    const int c = own.column + i + j;
                    float one[Q][1], one_x[1], one_y[1];
#pragma unroll
                    for (int q = 0; q < Q; q++) one[q][0] = sum_at(rows, lanes.row, lanes.column + i + j, q, p.taps);
                    const Lane<1> pixel = {read_pixel<kind>(rare.source, state.plane, row - rare.source.pad, c), {}};
                    gradients_of<luminance, Q, kind>(rare, rare.out.coarse, state, row - rare.source.pad, c, one, pixel,
                                                     one_x, one_y);
                    put_whole_gradient<float>(rare.out, rare.source, state.tile.plane, row, c + rare.source.pad,
                                              one_x[0], one_y[0]);
                }
            }
        }
        shared.gradients.have_read(gates, before);
    }
}

// What the block does, the same for all of its threads.
template <int Q, Pixels kind>
__device__ __forceinline__ BlockState state_of(const SlidingGradientParams& p) {
    const Source& s = p.source;
    BlockState state;
    Tile& tile = state.tile = p.grid.tile(blockIdx.x);
    // Tiles begin where four columns of the image can be written at once.
    const int shift = -s.pad & 3;
    if (tile.col_begin > 0) tile.col_begin -= shift;
    if (tile.col_end < p.grid.cols) tile.col_end -= shift;
    state.plane = plane_of(s, tile.plane);
    // A pixel gathers from the ten positions above and left of it, and those see ten pixels beyond.
    state.first_row = tile.row_begin - kHistory;
    state.groups = (tile.row_end - state.first_row + kGroup - 1) / kGroup;
    state.begin = max(state.first_row, 0);
    state.end = min(tile.row_end + kHistory, s.height + 2 * s.pad);
    state.strip = tile.col_begin - kHistory - ((tile.col_begin - s.pad) & 3);
    state.center = center_of<float>(s, state.plane, state.begin, state.end, tile.col_begin, tile.col_end);
    const float bias = kind == Pixels::narrow ? s.narrow.bias : 0.0f;
    state.offset_x = state.center.first + bias;
    state.offset_y = state.center.second + bias;
    // Positions of four columns are a lane's, and count as one. There are fewer of them than pixels, so that a last tile may have none.
    state.own_begin = tile.col_begin > 0 ? tile.col_begin + 2 : 0;
    state.own_end = tile.col_end < p.grid.cols ? min(tile.col_end + 2, p.position_cols) : p.position_cols;
    // Zeros beyond the border have no gradient.
    const int first_column = state.strip + kHistory, left = p.out.frames ? 0 : s.pad,
              right = p.out.frames ? p.grid.cols : s.pad + s.width;
    state.pixel_begin = max(tile.col_begin, left) - first_column;
    state.pixel_end = min(tile.col_end, right) - first_column;
    state.pixel_row_begin = max(tile.row_begin, p.out.frames ? 0 : s.pad);
    state.pixel_row_end = min(tile.row_end, p.out.frames ? p.grid.rows : s.pad + s.height);
    state.out_x = p.out.x.plane(tile.plane);
    state.out_y = Q == 4 ? p.out.y.plane(tile.plane) : 0;
    state.coarse = tile.plane * p.out.coarse.rows.coarse * p.out.coarse.cols.coarse;
    state.factor = p.out.factor.of<float>(tile.plane);
    state.absolute = p.out.has_absolute ? p.out.absolute.of<float>(tile.plane) : 0.0f;
    return state;
}

template <bool luminance, int Q, Pixels kind>
__global__ void __launch_bounds__(kThreads, kGradientBlocks)
    gradient_kernel(const __grid_constant__ SlidingGradientParams p) {
    const Shared<Q, kind, kSlots<Q>> shared(shared_memory<char>());
    // From one lane, so that the compiler sees that all have the same.
    const int warps = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0), warp = warps % kGateWarps;
    const bool forward = warps < static_cast<int>(kGateWarps);  // else the adjoint
    const int thread = threadIdx.x % kSlideThreads, lane = thread % 32;
    const Gates gates(shared.gates);
    {
        const BlockState state = state_of<Q, kind>(p);
        if (threadIdx.x == 0) {
            *shared.state = state;
            *shared.params = p;
            shared.moments.open(gates), shared.slopes.open(gates), shared.gradients.open(gates);
        }
        if (forward) {
            shared.columns[thread] =
                ColumnPair<kind>(p.source, state.plane, state.strip + 2 * thread, p.source.width + 2 * p.source.pad);
        }
        if (threadIdx.x < shared.kTotals) shared.totals[threadIdx.x] = {};
    }
    __syncthreads();
    if (forward) make_slopes<luminance>(p, shared, gates, thread, warp, lane);
    else make_gradients<luminance>(p, shared, gates, thread, warp, lane);
    const Tile tile = shared.state->tile;
    const double sum =
        block_sum(threadIdx.x < shared.kTotals ? shared.totals[threadIdx.x].value() : 0, shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = sum;
}

template <bool luminance, int Q, Pixels kind>
cudaError_t start(const SlidingGradientParams& p, cudaStream_t stream) {
    return launch(gradient_kernel<luminance, Q, kind>, dim3(blocks_of(p.grid)), dim3(kThreads),
                  Q == 3 && has_large_shared() ? Shared<Q, kind, 4>::kBytes : Shared<Q, kind, 2>::kBytes, stream, p);
}

template <bool luminance, int Q>
cudaError_t start(const SlidingGradientParams& p, cudaStream_t stream) {
    if (p.source.is_uv) return start<luminance, Q, Pixels::uv>(p, stream);
    return p.source.dtype == DType::float32 ? start<luminance, Q, Pixels::floats>(p, stream)
                                            : start<luminance, Q, Pixels::narrow>(p, stream);
}

}  // namespace

cudaError_t gradient_sliding(const SlidingGradientParams& p, cudaStream_t stream) {
    const bool both = p.out.y.data != nullptr;
    if (p.luminance) return both ? start<true, 4>(p, stream) : start<true, 3>(p, stream);
    return both ? start<false, 4>(p, stream) : start<false, 3>(p, stream);
}

}  // namespace limen::cuda
