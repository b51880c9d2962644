// The gradient of SSIM by 11 taps in one sweep: means, slopes and their blur, nothing stored between them.
//
// Half of a block's warps slide down the images as in ssim_sliding.cu and leave slopes where that kernel adds up values. The other half
// slides down the slopes in the same way, a few rows behind, and leaves gradients. Either half stops for the other only if that one is
// two groups of rows away.
#include "column_pair.h"
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

// Of four columns, those from `first` on before `last` are positions, and those from `first_own` on before `last_own` count in the tile's
// sum.
struct LanePositions {
    int first, last, first_own, last_own;
};

// What threads hardly ever need waits in shared memory, too: the sums take up the registers.
struct BlockState {
    Tile tile;
    PlaneSource plane;
    Center<float> center;
    int begin, end;  // rows that may be read
    int strip;       // first column that is read
    int pixel_row_begin, pixel_row_end;
    int pixel_begin, pixel_end;  // columns of pixels, from the first whose sums are complete on
    bool direct;                 // their gradient takes the short way
    int first_row;               // of positions
    int groups;                  // of rows of them
    int64_t out_x, out_y;        // where the plane's gradients begin
    float factor, absolute;
};

template <int Q, bool floats>
struct Shared {
    using Moments = Ring<kMoments, kGroup, Q == 3 ? 3 : 2, 0>;  // as far as Turing's 64 KiB go
    using Slopes = Ring<Q, kGroup, 2, Moments::kEndGate>;
    using Gradients = Ring<Q, kGroup, 2, Slopes::kEndGate>;

    Moments moments;
    Slopes slopes;
    Gradients gradients;
    Gate* gates;
    uint2* incoming;              // of the threads that go down the images
    ColumnPair<floats>* columns;  // of every thread that goes down the images
    LongSum<float>* totals;       // of the same
    LanePositions* positions;     // of every four columns
    BlockState* state;
    SlidingGradientParams* params;  // once more, for what is rarely done

    static constexpr int kGates = Gradients::kEndGate;
    static constexpr int kQuads = kStripColumns / kColumns;
    static constexpr std::size_t kRowBytes = (Moments::kWords + Slopes::kWords + Gradients::kWords) * sizeof(float);
    static constexpr std::size_t kIncomingBytes = IncomingRows<floats, kGroup>::kWords * sizeof(uint2);
    static constexpr std::size_t kBytes = kRowBytes + kIncomingBytes + kGates * sizeof(Gate) +
                                          kSlideThreads * (sizeof(ColumnPair<floats>) + sizeof(LongSum<float>)) +
                                          kQuads * sizeof(LanePositions) + sizeof(BlockState) +
                                          sizeof(SlidingGradientParams);

    __device__ __forceinline__ explicit Shared(char* memory) {
        moments.words = reinterpret_cast<float*>(memory);
        slopes.words = moments.words + Moments::kWords;
        gradients.words = slopes.words + Slopes::kWords;
        incoming = reinterpret_cast<uint2*>(memory + kRowBytes);
        gates = reinterpret_cast<Gate*>(memory + kRowBytes + kIncomingBytes);
        columns = reinterpret_cast<ColumnPair<floats>*>(gates + kGates);
        totals = reinterpret_cast<LongSum<float>*>(columns + kSlideThreads);
        positions = reinterpret_cast<LanePositions*>(totals + kSlideThreads);
        state = reinterpret_cast<BlockState*>(positions + kQuads);
        params = reinterpret_cast<SlidingGradientParams*>(state + 1);
    }
};

// Slopes of the lane's columns from their moments, which are lost; the answer is what they add to the tile's sum.
template <bool luminance, int Q, bool floats>
__device__ __forceinline__ float write_slopes(const SlidingGradientParams& p, const Shared<Q, floats>& shared,
                                              float (&m)[kMoments][kColumns], const Rows<Q>& out, int row,
                                              const LanePlace<kGroup>& lanes) {
    const SsimConstants<float> k = {1, shared.state->center.u, shared.state->center.v, p.c1, p.c2, p.epsilon};
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
    const LanePositions at = shared.positions[lanes.column / kColumns];
    const bool is_row = row >= 0 && row < p.position_rows;
    const int last = is_row ? at.last : 0;
    if (at.first > 0 || last < kColumns) {
#pragma unroll
        for (int j = 0; j < kColumns; j++)
            if (j < at.first || j >= last) m[0][j] = m[1][j] = m[2][j] = m[3][j] = 0;
    }
    if (p.weights.data) {
        const int64_t first_weight = p.weights.plane(shared.state->tile.plane) + row * p.weights.row +
                                     (shared.state->strip + lanes.column) * p.weights.column;
#pragma unroll
        for (int j = 0; j < kColumns; j++) {
            if (j < at.first || j >= last) continue;
            const float weight = p.weights.template read<float>(first_weight + j * p.weights.column);
            m[0][j] *= weight, m[1][j] *= weight, m[2][j] *= weight, m[3][j] *= weight;
        }
    }
#pragma unroll
    for (int q = 0; q < Q; q++)
        out.template at<float4>(lanes.row, q, lanes.column) = {m[q][0], m[q][1], m[q][2], m[q][3]};
    if (!is_row || row < shared.state->tile.row_begin || row >= shared.state->tile.row_end) return 0;
    if (at.first_own <= 0 && at.last_own >= kColumns) return (value[0] + value[1]) + (value[2] + value[3]);
    float sum = 0;
#pragma unroll
    for (int j = 0; j < kColumns; j++)
        if (j >= at.first_own && j < at.last_own) sum += value[j];
    return sum;
}

// Rows that come in from the images: leaves their moments in shared memory.
template <bool floats>
__device__ __forceinline__ void take_pixels(const Source& s, const Taps& taps, const ColumnPair<floats>& columns,
                                            const Center<float>& center, const IncomingRows<floats, kGroup>& incoming,
                                            const Rows<kMoments>& rows, int thread, ColumnSums<kMoments>& sums) {
#pragma unroll(floats ? 1 : kGroup)
    for (int i = 0; i < kGroup; i++) {
        float u[2], v[2];
        columns.convert(s, incoming.row(i), center, u, v);
        rows.pair(i, 0, thread) = {sums.add(0, 0, u[0], taps), sums.add(0, 1, u[1], taps)};
        rows.pair(i, 1, thread) = {sums.add(1, 0, v[0], taps), sums.add(1, 1, v[1], taps)};
        rows.pair(i, 2, thread) = {sums.add(2, 0, u[0] * u[0], taps), sums.add(2, 1, u[1] * u[1], taps)};
        rows.pair(i, 3, thread) = {sums.add(3, 0, v[0] * v[0], taps), sums.add(3, 1, v[1] * v[1], taps)};
    }
}

// Columns of a gradient that a lane has in hand at a time, as far as registers go.
template <bool luminance, int Q>
constexpr int kHandful = Q == 3 && luminance ? kColumns : kColumns / 2;

// The gradient of padded row `row` from column `local` of the sums on, from the blurred slopes.
template <bool luminance, int Q, bool floats, int N>
__device__ __forceinline__ void write_gradients(const SlidingGradientParams& params, const Shared<Q, floats>& shared,
                                                int row, int local, const float (&m)[Q][N], const Pixels<N>& pixels,
                                                bool direct) {
    // Both gradients leave no registers for what the compiler would compute once and keep.
    const SlidingGradientParams& p = Q == 4 ? *shared.params : params;
    const Source& s = p.source;
    const BlockState& state = *shared.state;
    const int c = state.strip + kHistory - s.pad + local, r = row - s.pad;
    float out_x[N], out_y[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
        const float b = pixels.x[j] - state.center.first, d = pixels.y[j] - state.center.second;
        const float u = s.is_uv ? b : b + d, v = s.is_uv ? d : b - d;
        if constexpr (Q == 4) {
            const float gu = m[0][j] + u * m[1][j], gv = m[3][j] + v * m[2][j];
            out_x[j] = state.factor * (gu + gv), out_y[j] = state.factor * (gu - gv);
        } else {
            out_x[j] = state.factor * (m[0][j] + u * m[1][j] + v * m[2][j]);
            out_y[j] = 0;
        }
        if (luminance && p.out.has_absolute && r >= 0 && r < s.height && c + j >= 0 && c + j < s.width) {
            const float slope = pixels.x[j] > pixels.y[j]   ? state.absolute
                                : pixels.x[j] < pixels.y[j] ? -state.absolute
                                                            : 0.0f;
            out_x[j] += slope, out_y[j] -= slope;
        }
    }
    const int begin = max(state.pixel_begin - local, 0), end = min(state.pixel_end - local, N);
    if (!luminance && p.out.coarse.x) {  // of MS-SSIM, only the last scale has l, and no coarser one
        const CoarseGradient& coarse = p.out.coarse;
        const bool is_row = r >= 0 && r < s.height;
        const float of_row = is_row ? share<float>(coarse.rows, r) : 0.0f;
        const int64_t row_at =
            is_row ? static_cast<int64_t>(state.tile.plane) * coarse.rows.coarse + (r + coarse.rows.start) / 2 : 0;
        const auto add = [&](const void* gradient, float (&value)[N]) {
            const float* const of = static_cast<const float*>(gradient) + row_at * coarse.cols.coarse;
#pragma unroll
            for (int j = 0; j < N; j++) {
                if (j < begin || j >= end || c + j < 0 || c + j >= s.width) continue;
                const float part = of_row * share<float>(coarse.cols, c + j);
                if (part != 0) value[j] += part * of[(c + j + coarse.cols.start) / 2];
            }
        };
        add(coarse.x, out_x);
        if constexpr (Q == 4) add(coarse.y, out_y);
    }
    if (!direct) {
        const SlidingGradientParams& rare = *shared.params;
#pragma unroll 1
        for (int j = begin; j < end; j++)
            put_whole_gradient<float>(rare.out, rare.source, state.tile.plane, row, c + s.pad + j, one_of(out_x, j),
                                      one_of(out_y, j));
        return;
    }
    const auto put = [&](const Output& out, int64_t plane, const float (&value)[N]) {
        float* const at = static_cast<float*>(out.data) + plane + r * out.row + c;
#pragma unroll
        for (int j = 0; j < N; j += 2) {
            if (j >= begin && j + 1 < end) *reinterpret_cast<float2*>(at + j) = {value[j], value[j + 1]};
            else if (j >= begin && j < end) at[j] = value[j];  // the pair is cut by the tile's side
            else if (j + 1 >= begin && j + 1 < end) at[j + 1] = value[j + 1];
        }
    };
    put(p.out.x, state.out_x, out_x);
    if constexpr (Q == 4) put(p.out.y, state.out_y, out_y);
}

// The half that goes down the images.
template <bool luminance, int Q, bool floats>
__device__ __forceinline__ void make_slopes(const SlidingGradientParams& p, const Shared<Q, floats>& shared,
                                            const Gates& gates, int thread, int warp, int lane) {
    const BlockState& state = *shared.state;
    const LanePlace<kGroup> lanes(warp, lane);
    ColumnSums<kMoments> sums;
    sums.clear();
    IncomingRows<floats, kGroup> incoming(shared.incoming);
    typename Shared<Q, floats>::Moments::Place place;
    // The first time round only reads, the last time only blurs.
    const int groups = kAhead<kGroup> + state.groups;
    for (int group = -1; group <= groups; group++) {
        const int row = state.first_row + group * kGroup;  // that comes in
        if (group >= 0 && group < groups) {
            incoming.wait();
            shared.moments.wait_to_write(gates, place);
            take_pixels(p.source, p.taps, shared.columns[thread], state.center, incoming, shared.moments.rows(place),
                        thread, sums);
            shared.moments.have_written(gates, place);
        }
        // The next rows come while slopes are computed. Any earlier, there would be no registers for them.
        const auto before = place.before();
        const bool blurs = group > kAhead<kGroup>;
        float m[kMoments][kColumns];
        if (blurs) {
            shared.moments.wait_to_read(gates, before);
#pragma unroll
            for (int q = 0; q < kMoments; q++)
                blur_along(shared.moments.rows(before), lanes.row, lanes.column, q, p.taps, m[q]);
        }
        if (group > 0) shared.moments.have_read(gates, before);
        if (group + 1 < groups) shared.columns[thread].fetch(p.source, row + kGroup, state.begin, state.end, incoming);
        if (group >= 0) place.advance();
        if (!blurs) continue;
        const RingPlace<2> out = RingPlace<2>::of(group - kAhead<kGroup> - 1);
        shared.slopes.wait_to_write(gates, out);
        shared.totals[thread].add(write_slopes<luminance, Q, floats>(p, shared, m, shared.slopes.rows(out),
                                                                     row - kGroup - kHistory + lanes.row, lanes));
        shared.slopes.have_written(gates, out);
    }
}

// The half that goes down the slopes.
template <bool luminance, int Q, bool floats>
__device__ __forceinline__ void make_gradients(const SlidingGradientParams& p, const Shared<Q, floats>& shared,
                                               const Gates& gates, int thread, int warp, int lane) {
    const BlockState& state = *shared.state;
    const Source& s = p.source;
    const LanePlace<kGroup> lanes(warp, lane);
    ColumnSums<Q> sums;
    sums.clear();
    for (int group = 0; group <= state.groups; group++) {
        // The lane's row of pixels that is completed in the group before. What it needs of the images comes meanwhile, if there are
        // registers for it.
        constexpr int N = kHandful<luminance, Q>;
        constexpr bool kEarly = N == kColumns;
        int row, column;
        bool wanted, direct;
        const auto look = [&] {
            row = state.first_row + (group - 1) * kGroup + lanes.row;
            column = state.strip + kHistory - s.pad + lanes.column;
            wanted = group > 0 && row >= state.pixel_row_begin && row < state.pixel_row_end;
            // Nor can a pixel be without its pair.
            direct = floats && wanted && state.direct && row >= p.inner_row_begin && row < p.inner_row_end &&
                     (s.width % 2 == 0 || column + kColumns < s.width);
        };
        if (kEarly) look();
        Pixels<N> pixels;
        if (kEarly && direct) pixels = read_pairs<N>(s, state.plane, row - s.pad, column);
        if (group < state.groups) {
            const RingPlace<2> place = RingPlace<2>::of(group);  // in both rings
            shared.slopes.wait_to_read(gates, place);
            shared.gradients.wait_to_write(gates, place);
            const Rows<Q> slopes = shared.slopes.rows(place), gradients = shared.gradients.rows(place);
#pragma unroll 1
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
        if (!kEarly) look();
        const RingPlace<2> before = RingPlace<2>::of(group - 1);
        shared.gradients.wait_to_read(gates, before);
#pragma unroll 1
        for (int i = wanted ? 0 : kColumns; i < kColumns; i += N) {
            float m[Q][N];
#pragma unroll
            for (int q = 0; q < Q; q++)
                blur_along(shared.gradients.rows(before), lanes.row, lanes.column + i, q, p.taps, m[q]);
            if (!kEarly && direct) pixels = read_pairs<N>(s, state.plane, row - s.pad, column + i);
            if (!direct) pixels = read_slowly<N, floats>(shared.params->source, state.plane, row, column + i + s.pad);
            write_gradients<luminance>(p, shared, row, lanes.column + i, m, pixels, direct);
        }
        shared.gradients.have_read(gates, before);
    }
}

template <bool luminance, int Q, bool floats>
__global__ void __launch_bounds__(kThreads, floats ? kGradientBlocks : 1)
    gradient_kernel(const __grid_constant__ SlidingGradientParams p) {
    const Shared<Q, floats> shared(shared_memory<char>());
    const bool forward = threadIdx.x < kSlideThreads;  // else the adjoint
    const int thread = threadIdx.x % kSlideThreads, warp = thread / 32, lane = thread % 32;
    const Gates gates(shared.gates);
    {
        const Source& s = p.source;
        BlockState state;
        state.tile = p.grid.tile(blockIdx.x);
        state.plane = plane_of(s, state.tile.plane);
        // A pixel gathers from the ten positions above and left of it, and those see ten pixels beyond.
        state.first_row = state.tile.row_begin - kHistory;
        state.groups = (state.tile.row_end - state.first_row + kGroup - 1) / kGroup;
        state.begin = max(state.first_row, 0);
        state.end = min(state.tile.row_end + kHistory, s.height + 2 * s.pad);
        state.strip = state.tile.col_begin - kHistory - ((state.tile.col_begin - s.pad) & 1);
        state.center =
            center_of<float>(s, state.plane, state.begin, state.end, state.tile.col_begin, state.tile.col_end);
        // Zeros beyond the border have no gradient.
        const int first_column = state.strip + kHistory, left = p.out.frames ? 0 : s.pad,
                  right = p.out.frames ? p.grid.cols : s.pad + s.width;
        state.pixel_begin = max(state.tile.col_begin, left) - first_column;
        state.pixel_end = min(state.tile.col_end, right) - first_column;
        state.pixel_row_begin = max(state.tile.row_begin, p.out.frames ? 0 : s.pad);
        state.pixel_row_end = min(state.tile.row_end, p.out.frames ? p.grid.rows : s.pad + s.height);
        state.direct = p.direct && first_column + state.pixel_begin >= p.inner_col_begin &&
                       first_column + state.pixel_end <= p.inner_col_end;
        state.out_x = p.out.x.plane(state.tile.plane);
        state.out_y = Q == 4 ? p.out.y.plane(state.tile.plane) : 0;
        state.factor = p.out.factor.of<float>(state.tile.plane);
        state.absolute = p.out.has_absolute ? p.out.absolute.of<float>(state.tile.plane) : 0.0f;
        if (threadIdx.x == 0) *shared.state = state, *shared.params = p;
        if (forward) {
            shared.columns[thread] = ColumnPair<floats>(s, state.plane, state.strip + 2 * thread, s.width + 2 * s.pad);
            shared.totals[thread] = {};
        }
        if (threadIdx.x < shared.kQuads) {
            const int column = state.strip + kColumns * static_cast<int>(threadIdx.x),
                      last = min(p.position_cols - column, state.strip + kStripColumns - kHistory - column);
            shared.positions[threadIdx.x] = {-column, last, state.tile.col_begin - column,
                                             min(state.tile.col_end - column, last)};
        }
        if (threadIdx.x == 0) shared.moments.open(gates), shared.slopes.open(gates), shared.gradients.open(gates);
    }
    __syncthreads();
    if (forward) make_slopes<luminance, Q, floats>(p, shared, gates, thread, warp, lane);
    else make_gradients<luminance, Q, floats>(p, shared, gates, thread, warp, lane);
    const Tile tile = shared.state->tile;
    const double sum = block_sum(forward ? shared.totals[thread].value() : 0, shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = sum;
}

template <bool luminance, int Q, bool floats>
cudaError_t start(const SlidingGradientParams& p, cudaStream_t stream) {
    return launch(gradient_kernel<luminance, Q, floats>, dim3(blocks_of(p.grid)), dim3(kThreads),
                  Shared<Q, floats>::kBytes, stream, p);
}

template <bool luminance, int Q>
cudaError_t start(const SlidingGradientParams& p, cudaStream_t stream) {
    return p.source.dtype == DType::float32 ? start<luminance, Q, true>(p, stream)
                                            : start<luminance, Q, false>(p, stream);
}

}  // namespace

cudaError_t gradient_sliding(const SlidingGradientParams& p, cudaStream_t stream) {
    const bool both = p.out.y.data != nullptr;
    if (p.luminance) return both ? start<true, 4>(p, stream) : start<true, 3>(p, stream);
    return both ? start<false, 4>(p, stream) : start<false, 3>(p, stream);
}

}  // namespace limen::cuda
