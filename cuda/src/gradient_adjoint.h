// The half of the sliding gradient kernel that goes down the slopes and leaves gradients.
#pragma once

#include "gradient_slopes.h"
#include "lane_coarse.h"
#include "lane_pixels.h"

namespace limen::cuda::sliding_gradient {

/// Columns of a gradient that a lane has in hand at a time, as far as registers go.
template <int Q>
constexpr int kHandful = Q == 3 ? kColumns : kColumns / 2;

/// Pixels and what is added to their gradients of x.
template <int N>
struct Lane {
    LanePixels<N> pixels;
    Coarse<N> coarse;
};

/// The gradients of row `r` and the columns from `c` on, of the image.
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

/// N gradients side by side, if `quads`, or each where it belongs.
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

/// The half that goes down the slopes.
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

}  // namespace limen::cuda::sliding_gradient
