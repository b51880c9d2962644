// The gradient of SSIM by 11 taps in one sweep: means, slopes and their blur, nothing stored between them.
//
// Half of a block's warps slide down the images as in ssim_sliding.cu and leave slopes where that kernel adds up values. The other half
// slides down the slopes in the same way, four rows behind, and leaves gradients. Both halves do about the same work between barriers.
#include "column_pair.h"
#include "number.h"
#include "plane_gradient.h"
#include "sums.h"

namespace limen::cuda {
namespace {

constexpr int kThreads = 2 * kSlideThreads;
constexpr int kMoments = 4;
constexpr int kHistory = kTaps - 1;

// Of a lane's columns, those from `first` on before `last` are positions, and those from `first_own` on before `last_own` count in the
// tile's sum.
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

template <int Q>
struct Shared {
    StripRows<kGroup * kMoments> moments;
    StripRows<kGroup * Q> slopes, gradients;
    ColumnPair* columns;     // of every thread that goes down the images
    LongSum<float>* totals;  // of the same
    LanePositions* positions;
    BlockState* state;

    static constexpr int kRowBytes =
        (StripRows<kGroup * kMoments>::kWords + 2 * StripRows<kGroup * Q>::kWords) * static_cast<int>(sizeof(float));
    static constexpr std::size_t kBytes = kRowBytes + kSlideThreads * (sizeof(ColumnPair) + sizeof(LongSum<float>)) +
                                          32 * sizeof(LanePositions) + sizeof(BlockState);
    __device__ explicit Shared(char* memory) {
        moments.words = reinterpret_cast<float*>(memory);
        slopes.words = moments.words + StripRows<kGroup * kMoments>::kWords;
        gradients.words = slopes.words + StripRows<kGroup * Q>::kWords;
        columns = reinterpret_cast<ColumnPair*>(memory + kRowBytes);
        totals = reinterpret_cast<LongSum<float>*>(columns + kSlideThreads);
        positions = reinterpret_cast<LanePositions*>(totals + kSlideThreads);
        state = reinterpret_cast<BlockState*>(positions + 32);
    }
};

// Slopes of the lane's columns, four at a time.
template <bool luminance, int Q>
__device__ __forceinline__ float write_slopes(const SlidingGradientParams& p, const Shared<Q>& shared,
                                              const SsimConstants<float>& k, int row, int warp, int lane) {
    float sum = 0;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float m[kMoments][4];
#pragma unroll
        for (int q = 0; q < kMoments; q++) {
            if (half == 0) blur_along<0>(shared.moments, warp * kMoments + q, lane, p.taps, m[q]);
            else blur_along<1>(shared.moments, warp * kMoments + q, lane, p.taps, m[q]);
        }
        float value[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const SsimMoments<float> moments = {m[0][j], m[1][j], m[2][j], m[3][j]};
            const SsimSlopes<float> d = ssim_slopes<luminance>(moments, k);
            m[0][j] = Q == 4 ? d.u : d.u + d.v;
            m[1][j] = d.uu;
            m[2][j] = d.vv;
            m[3][j] = d.v;
            value[j] = d.value;
        }
        const LanePositions positions = shared.positions[lane];
        const bool is_row = row >= 0 && row < p.position_rows;
        const int first = positions.first - 4 * half, last = is_row ? positions.last - 4 * half : 0;
        if (first > 0 || last < 4) {
#pragma unroll
            for (int j = 0; j < 4; j++)
                if (j < first || j >= last) m[0][j] = m[1][j] = m[2][j] = m[3][j] = 0;
        }
        if (p.weights.data) {
            const int64_t at = p.weights.plane(shared.state->tile.plane) + row * p.weights.row +
                               (shared.state->strip + kLaneColumns * lane + 4 * half) * p.weights.column;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                if (j < first || j >= last) continue;
                const float weight = p.weights.template read<float>(at + j * p.weights.column);
                m[0][j] *= weight, m[1][j] *= weight, m[2][j] *= weight, m[3][j] *= weight;
            }
        }
#pragma unroll
        for (int q = 0; q < Q; q++) shared.slopes.quad(warp * Q + q, lane, half) = {m[q][0], m[q][1], m[q][2], m[q][3]};
        if (!is_row || row < shared.state->tile.row_begin || row >= shared.state->tile.row_end) continue;
        const int first_own = positions.first_own - 4 * half, last_own = positions.last_own - 4 * half;
        if (first_own <= 0 && last_own >= 4) {
            sum += value[0] + value[1] + value[2] + value[3];
        } else {
#pragma unroll
            for (int j = 0; j < 4; j++)
                if (j >= first_own && j < last_own) sum += value[j];
        }
    }
    return sum;
}

// The gradient of one row from its blurred slopes, which are in shared memory, column by column.
template <bool luminance, int Q>
__device__ __forceinline__ void write_gradients(const SlidingGradientParams& p, const Shared<Q>& shared, int row,
                                                int warp, int lane) {
    const Source& s = p.source;
    const int plane_index = shared.state->tile.plane;
    const PlaneSource plane = shared.state->plane;
    const Center<float> center = shared.state->center;
    const float factor = shared.state->factor, absolute = shared.state->absolute;
    const int first_column = shared.state->strip + kHistory, begin = shared.state->pixel_begin,
              end = shared.state->pixel_end;
    const bool direct = shared.state->direct && row >= p.inner_row_begin && row < p.inner_row_end;
    if (direct) {
        const int64_t r = row - s.pad;
        const int c = first_column - s.pad + 2 * lane;
        const char* const x = plane.x + (r * s.x_row + c) * 4;
        const char* const y = plane.y + (r * s.y_row + c) * 4;
        float* const gx = static_cast<float*>(p.out.x.data) + shared.state->out_x + r * p.out.x.row + c;
        float* const gy =
            Q == 4 ? static_cast<float*>(p.out.y.data) + shared.state->out_y + r * p.out.y.row + c : nullptr;
#pragma unroll(luminance || Q == 3 ? 4 : 1)  // as far as registers go
        for (int i = 0; i < kStripColumns / 64; i++) {
            const int local = 2 * lane + 64 * i;
            if (local >= end || local + 1 < begin) continue;
            const float2 in_x = __ldg(reinterpret_cast<const float2*>(x + 256 * i)),
                         in_y = __ldg(reinterpret_cast<const float2*>(y + 256 * i));
            const float2 a = shared.gradients.pair(warp * Q, lane + 32 * i),
                         uu = shared.gradients.pair(warp * Q + 1, lane + 32 * i),
                         vv = shared.gradients.pair(warp * Q + 2, lane + 32 * i);
            const auto uv = [&](float px, float py, float& u, float& v) {
                const float b = px - center.first, d = py - center.second;
                u = s.is_uv ? b : b + d;
                v = s.is_uv ? d : b - d;
            };
            float u0, v0, u1, v1;
            uv(in_x.x, in_y.x, u0, v0);
            uv(in_x.y, in_y.y, u1, v1);
            float2 out_x, out_y = {};
            if constexpr (Q == 4) {
                const float2 b = shared.gradients.pair(warp * Q + 3, lane + 32 * i);
                const float gu0 = a.x + u0 * uu.x, gv0 = b.x + v0 * vv.x, gu1 = a.y + u1 * uu.y, gv1 = b.y + v1 * vv.y;
                out_x = {factor * (gu0 + gv0), factor * (gu1 + gv1)};
                out_y = {factor * (gu0 - gv0), factor * (gu1 - gv1)};
            } else {
                out_x = {factor * (a.x + u0 * uu.x + v0 * vv.x), factor * (a.y + u1 * uu.y + v1 * vv.y)};
            }
            if (!luminance && p.out.coarse.x) {  // of MS-SSIM, only the last scale has l, and no coarser one
                add_coarse<float>(p.out.coarse, plane_index, row - s.pad, c + 64 * i, Q == 4, out_x.x, out_y.x);
                add_coarse<float>(p.out.coarse, plane_index, row - s.pad, c + 64 * i + 1, Q == 4, out_x.y, out_y.y);
            }
            if (luminance && p.out.has_absolute) {
                const float s0 = in_x.x > in_y.x ? absolute : in_x.x < in_y.x ? -absolute : 0.0f;
                const float s1 = in_x.y > in_y.y ? absolute : in_x.y < in_y.y ? -absolute : 0.0f;
                out_x.x += s0, out_x.y += s1, out_y.x -= s0, out_y.y -= s1;
            }
            if (local >= begin && local + 1 < end) {
                *reinterpret_cast<float2*>(gx + 64 * i) = out_x;
                if constexpr (Q == 4) *reinterpret_cast<float2*>(gy + 64 * i) = out_y;
            } else {  // the pair is cut by the tile's side
                const bool second = local < begin;
                gx[64 * i + second] = second ? out_x.y : out_x.x;
                if constexpr (Q == 4) gy[64 * i + second] = second ? out_y.y : out_y.x;
            }
        }
        return;
    }
#pragma unroll 1
    for (int local = begin + lane; local < end; local += 32) {
        const int col = first_column + local;
        float u, v, gx, gy = 0;
        read_pair<float>(s, plane, center, row, col, u, v);
        const float a = shared.gradients.word(warp * Q, local), uu = shared.gradients.word(warp * Q + 1, local),
                    vv = shared.gradients.word(warp * Q + 2, local);
        if constexpr (Q == 4) {
            const float gu = a + u * uu, gv = shared.gradients.word(warp * Q + 3, local) + v * vv;
            gx = factor * (gu + gv), gy = factor * (gu - gv);
        } else {
            gx = factor * (a + u * uu + v * vv);
        }
        const int i = row - s.pad, j = col - s.pad;
        if (p.out.has_absolute && i >= 0 && i < s.height && j >= 0 && j < s.width) {
            const float slope = absolute * sign_of_difference<float>(s, plane, i, j);
            gx += slope, gy -= slope;
        }
        put_gradient<float>(p.out, s, plane_index, row, col, gx, gy);
    }
}

// Rows that come in from the images: leaves their moments in shared memory.
template <int Q>
__device__ __forceinline__ void take_pixels(const SlidingGradientParams& p, const Shared<Q>& shared, int row,
                                            int thread, ColumnSums<kMoments>& sums) {
    const ColumnPair columns = shared.columns[thread];
    PairBits bits[kGroup];
    columns.read(p.source, row, shared.state->begin, shared.state->end, bits);
    const Center<float> center = shared.state->center;
#pragma unroll
    for (int i = 0; i < kGroup; i++) {
        float u[2], v[2];
        columns.convert(p.source, bits[i], center, u, v);
        const int at = i * kMoments;
        shared.moments.pair(at, thread) = {sums.add(0, 0, u[0], p.taps), sums.add(0, 1, u[1], p.taps)};
        shared.moments.pair(at + 1, thread) = {sums.add(1, 0, v[0], p.taps), sums.add(1, 1, v[1], p.taps)};
        shared.moments.pair(at + 2, thread) = {sums.add(2, 0, u[0] * u[0], p.taps),
                                               sums.add(2, 1, u[1] * u[1], p.taps)};
        shared.moments.pair(at + 3, thread) = {sums.add(3, 0, v[0] * v[0], p.taps),
                                               sums.add(3, 1, v[1] * v[1], p.taps)};
    }
}

// Rows of slopes that come in.
template <int Q>
__device__ __forceinline__ void take_slopes(const SlidingGradientParams& p, const Shared<Q>& shared, int thread,
                                            ColumnSums<kMoments>& sums) {
#pragma unroll
    for (int i = 0; i < kGroup; i++)
#pragma unroll
        for (int q = 0; q < Q; q++) {
            const float2 slope = shared.slopes.pair(i * Q + q, thread);
            shared.gradients.pair(i * Q + q, thread) = {sums.add(q, 0, slope.x, p.taps),
                                                        sums.add(q, 1, slope.y, p.taps)};
        }
}

template <bool luminance, int Q>
__global__ void __launch_bounds__(kThreads, kGradientBlocks)
    gradient_kernel(const __grid_constant__ SlidingGradientParams p) {
    const Shared<Q> shared(shared_memory<char>());
    const bool forward = threadIdx.x < kSlideThreads;  // else the adjoint
    const int thread = threadIdx.x % kSlideThreads, warp = thread / 32, lane = thread % 32;
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
        if (threadIdx.x == 0) *shared.state = state;
        if (forward) {
            shared.columns[thread] = ColumnPair(s, state.plane, state.strip + 2 * thread,
                                                min(state.tile.col_end + kHistory, s.width + 2 * s.pad));
            shared.totals[thread] = {};
        }
        if (threadIdx.x < 32) {
            const int column = state.strip + kLaneColumns * lane,
                      last = min(p.position_cols - column, kStripColumns - kHistory - kLaneColumns * lane);
            shared.positions[lane] = {-column, last, state.tile.col_begin - column,
                                      min(state.tile.col_end - column, last)};
        }
    }
    __syncthreads();

    constexpr int kAhead = 3;  // groups of rows before the first sums are complete
    ColumnSums<kMoments> sums;
    sums.clear();
    for (int group = 0; group <= kAhead + shared.state->groups; group++) {
        // The rows of positions that are completed, and, a group behind, the rows of pixels.
        const int row = shared.state->first_row + (group - kAhead) * kGroup + warp - (forward ? 0 : kGroup);
        if (forward) take_pixels<Q>(p, shared, row - warp + kHistory, thread, sums);
        else if (group > kAhead) take_slopes<Q>(p, shared, thread, sums);
        __syncthreads();
        if (forward) {
            if (group >= kAhead) {
                const SsimConstants<float> k = {1,        shared.state->center.u, shared.state->center.v, p.c1, p.c2,
                                                p.epsilon};
                shared.totals[thread].add(write_slopes<luminance, Q>(p, shared, k, row, warp, lane));
            }
        } else if (group > kAhead && row >= shared.state->pixel_row_begin && row < shared.state->pixel_row_end) {
            // In place: a warp's row is its alone.
#pragma unroll
            for (int q = 0; q < Q; q++) {
                float sum[kLaneColumns];
                blur_along<0>(shared.gradients, warp * Q + q, lane, p.taps, sum);
                __syncwarp();
                shared.gradients.quad(warp * Q + q, lane, 0) = {sum[0], sum[1], sum[2], sum[3]};
                shared.gradients.quad(warp * Q + q, lane, 1) = {sum[4], sum[5], sum[6], sum[7]};
            }
            __syncwarp();
            write_gradients<luminance, Q>(p, shared, row, warp, lane);
        }
        __syncthreads();
    }
    const Tile tile = shared.state->tile;
    const double sum = block_sum(forward ? shared.totals[thread].value() : 0, shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = sum;
}

}  // namespace

cudaError_t gradient_sliding(const SlidingGradientParams& p, cudaStream_t stream) {
    const dim3 grid(blocks_of(p.grid)), block(kThreads);
    const bool both = p.out.y.data != nullptr;
    if (p.luminance)
        return both ? launch(gradient_kernel<true, 4>, grid, block, Shared<4>::kBytes, stream, p)
                    : launch(gradient_kernel<true, 3>, grid, block, Shared<3>::kBytes, stream, p);
    return both ? launch(gradient_kernel<false, 4>, grid, block, Shared<4>::kBytes, stream, p)
                : launch(gradient_kernel<false, 3>, grid, block, Shared<3>::kBytes, stream, p);
}

}  // namespace limen::cuda
