// What a block of the sliding gradient kernel has in shared memory, and what it knows of its tile.
#pragma once

#include "column_pair.h"
#include "plane_gradient.h"
#include "sums.h"

namespace limen::cuda::sliding_gradient {

constexpr int kThreads = 2 * kSlideThreads;
constexpr int kMoments = 4;
constexpr int kGroup = kGradientGroup, kColumns = kLaneColumns<kGroup>;
template <int Q>
using Rows = GroupRows<Q, kGroup>;

/// Groups of moments in shared memory, as far as there is room in two blocks. Powers of two take the least to count by.
template <int Q>
constexpr int kSlots = Q == 3 && kLargeShared ? 4 : 2;

/// One in so many groups of slopes is made by the half that goes down the slopes, which else has less to do. Both gradients leave it
/// neither the time nor the registers.
constexpr unsigned kShare = 4;
template <int Q>
constexpr bool kShares = Q == 3;

/// What threads hardly ever need waits in shared memory, too: the sums take up the registers.
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

/// Of a lane's columns.
enum class Part { none, some, all };
__device__ __forceinline__ Part part_inside(int first, int count, int begin, int end) {
    return first >= begin && first + count <= end ? Part::all
           : first + count > begin && first < end ? Part::some
                                                  : Part::none;
}

/// The pixels of a lane's columns.
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

/// What the block does, the same for all of its threads.
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

}  // namespace limen::cuda::sliding_gradient
