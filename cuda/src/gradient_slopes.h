// The half of the sliding gradient kernel that goes down the images and leaves slopes.
#pragma once

#include "gradient_block.h"
#include "number.h"

namespace limen::cuda::sliding_gradient {

/// What a lane knows of the positions in its columns.
struct LanePositions {
    bool exist;  // all of them
    Part own;    // count in the tile's sum
};

/// Slopes of the lane's columns from their moments, which are lost; the answer is what they add to the tile's sum.
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

/// Rows that come in from the images: leaves their moments in shared memory.
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

template <int Q>
__device__ __forceinline__ bool made_by_adjoint(int group) {
    return kShares<Q> && static_cast<unsigned>(group) % kShare == kShare - 1;
}

/// The `group`-th rows of slopes, from moments that are whole.
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

/// The half that goes down the images.
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

}  // namespace limen::cuda::sliding_gradient
