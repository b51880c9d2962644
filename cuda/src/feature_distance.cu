#include "feature_maps.h"
#include "means.h"
#include "sums.h"

#include <limen/feature_distance.hpp>

namespace limen::cuda {
namespace {

struct DistanceParams {
    FeaturePair pair;
    TileGrid grid;  // of an image's positions, in a row
    int splits;     // of the channels, each a part of the block's
    double* sums;   // [image][tile]
    Output map, state;
};

// A thread's position, which others of the block share, and its channels.
struct Place {
    int64_t at0, at1;  // of the position's first channel
    int first;         // channel, of four; the next are `step` further
    int step;
    int within;  // number of the thread in its part of the block
};

// Sums over all channels of the threads' positions, whole in every thread. All threads of the block must call it.
template <class T, class E>
__device__ __forceinline__ FeatureSums<T> sum_channels(const DistanceParams& p, const Place& place, T ratio) {
    const FeaturePair& f = p.pair;
    FeatureSums<T> s = {};
    constexpr int ahead = sizeof(T) == 8 ? 1 : 2;  // fours, all read before any is used
    for (int first = place.first; first < f.channels; first += ahead * place.step) {
        FourElements<E> a[ahead], b[ahead];
#pragma unroll
        for (int k = 0; k < ahead; k++) {
            const int c = first + k * place.step, left = f.channels - c;
            read_four(f.f0, place.at0 + c * f.f0.view.channel, left, a[k]);
            read_four(f.f1, place.at1 + c * f.f1.view.channel, left, b[k]);
        }
        FeatureSums<T> some = {};  // by themselves first: long sums are then exacter
#pragma unroll
        for (int i = 0; i < 4 * ahead; i++) {
            const int c = first + i / 4 * place.step + i % 4;
            feature_add<false>(some, static_cast<T>(number_of(a[i / 4].element[i % 4])),
                               static_cast<T>(number_of(b[i / 4].element[i % 4])), ratio,
                               c < f.channels ? f.weight_of<T>(c) : T(0));
        }
        s.square0 += some.square0, s.square1 += some.square1, s.squares += some.squares;
        s.wdd += some.wdd, s.wd1 += some.wd1, s.w11 += some.w11;
    }
    T* const sums[] = {&s.square0, &s.square1, &s.squares, &s.wdd, &s.wd1, &s.w11};
    for (int i = f.lanes / 2; i > 0; i /= 2) {
#pragma unroll
        for (T* sum : sums) *sum += __shfl_xor_sync(0xffffffffu, *sum, i);
    }
    if (p.splits == 1) return s;
    T* const words = shared_memory<T>();
#pragma unroll
    for (int k = 0; k < 6; k++) words[k * kFeatureThreads + threadIdx.x] = *sums[k];
    __syncthreads();
#pragma unroll
    for (T* sum : sums) *sum = 0;
    for (int i = place.within; i < kFeatureThreads; i += kFeatureThreads / p.splits)
#pragma unroll
        for (int k = 0; k < 6; k++) *sums[k] += words[k * kFeatureThreads + i];
    __syncthreads();
    return s;
}

template <class T>
struct Distance {
    FeatureDistance<T> of;
    bool held;  // T holds the squares of numbers much smaller and much larger than the vectors' lengths
};

// The threads' distances. All threads of the block must call it.
template <class T, class E>
__device__ __forceinline__ Distance<T> distance(const DistanceParams& p, const Place& place) {
    constexpr T epsilon = static_cast<T>(kFeatureEpsilon);
    const auto held = [](T square) { return (square >= T(1e-24) && square <= T(1e30)) || square == 0; };
    Distance<T> d;
    T ratio = 1;
    for (bool again = false;; again = true) {
        const FeatureSums<T> s = sum_channels<T, E>(p, place, ratio);
        d.of = feature_distance_of(s, ratio, epsilon);
        d.held = sizeof(T) == 8 || (held(s.square0) && held(s.square1));
        const bool doubtful = !(d.of.terms <= kFeatureTerms * d.of.value);
        // The others get the same numbers again.
        if (again || !__syncthreads_or(doubtful)) return d;
        if (!doubtful) continue;
        ratio = feature_ratio(s, epsilon);
        // The gradient has to find what the sums are taken with; any number near the ratio will do.
        if (sizeof(T) == 8 && p.state.dtype == DType::float32 && ratio > T(1e-37) && ratio < T(1e37))
            ratio = static_cast<T>(static_cast<float>(ratio));
    }
}

template <class T>
__device__ __forceinline__ double put(const DistanceParams& p, int image, int row, int column, FeatureDistance<T> d) {
    if (p.map.data) p.map.write(image * p.map.batch + row * p.map.row + column * p.map.column, d.value);
    if (p.state.data) {
        FeatureState<T> s = d.state;
        // Of lengths so different that float32 doesn't hold their ratio, one is nothing beside the other.
        if (sizeof(T) == 8 && p.state.dtype == DType::float32 && !(s.ratio >= T(1e-37) && s.ratio <= T(1e37))) {
            s.ratio = 0;
            s.shift = -s.inverse1;
        }
        const T numbers[] = {s.ratio, s.inverse0, s.inverse1, s.shift, s.along0, s.along1};
        const int64_t at = image * p.state.batch + row * p.state.row + column * p.state.column;
#pragma unroll
        for (int k = 0; k < feature_state_size; k++) p.state.write(at + k * p.state.channel, numbers[k]);
    }
    return static_cast<double>(d.value);
}

template <class E>
__global__ void __launch_bounds__(kFeatureThreads, 3) distance_kernel(const __grid_constant__ DistanceParams p) {
    const FeaturePair& f = p.pair;
    const Tile tile = p.grid.tile(blockIdx.x);
    const int part = kFeatureThreads / p.splits, within = static_cast<int>(threadIdx.x) % part,
              split = static_cast<int>(threadIdx.x) / part, lane = within % f.lanes;
    // Threads behind the last position go along with it, and write nothing.
    const int wanted = tile.col_begin + within / f.lanes, position = min(wanted, tile.col_end - 1),
              row = position / f.width, column = position - row * f.width;
    const Place place = {f.f0.place(tile.plane, row, column), f.f1.place(tile.plane, row, column),
                         4 * (split * f.lanes + lane), 4 * f.lanes * p.splits, within};
    const bool writes = wanted < tile.col_end && split == 0 && lane == 0;

    const Distance<Number<E>> d = distance<Number<E>, E>(p, place);
    double sum = writes ? put(p, tile.plane, row, column, d.of) : 0;
    if constexpr (sizeof(Number<E>) == 4) {
        if (__syncthreads_or(!d.held)) {
            const Distance<double> wide = distance<double, E>(p, place);
            if (writes && !d.held) sum = put(p, tile.plane, row, column, wide.of);
        }
    }
    const double total = block_sum(sum, shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = total;
}

// By shape and layout alone. The channels of few positions are split between more threads.
DistanceParams distance_params(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight, Pieces& pieces) {
    DistanceParams p = {};
    p.pair = feature_pair(f0, f1, weight);
    for (p.splits = 1;; p.splits *= 2) {
        p.grid = tile_grid(f0.batch, 1, static_cast<int>(f0.height * f0.width), 1,
                           kFeatureThreads / (p.pair.lanes * p.splits), 1);
        if (p.splits == 8 || p.grid.planes * p.grid.tiles() >= kEnoughBlocks ||
            p.pair.channels <= 8 * p.pair.lanes * p.splits)
            break;
    }
    p.sums = pieces.take<double>(p.grid.planes * p.grid.tiles());
    return p;
}

}  // namespace

std::size_t feature_distance_workspace_bytes(const ImageView& f0) {
    check_feature_shape(f0);
    Pieces pieces;
    distance_params(f0, f0, nullptr, pieces);
    return pieces.bytes();
}

void feature_distance(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight, const Scores& scores,
                      const OutputView* map, const OutputView* state, const Workspace& workspace, void* stream) {
    detail::check_features(f0, f1);
    check_feature_shape(f0);
    check_scores("scores", scores.data, scores.dtype);
    if (map) check_positions("map", *map, f0, 1);
    if (state) check_positions("state", *state, f0, feature_state_size);
    Pieces pieces(workspace, feature_distance_workspace_bytes(f0));
    DistanceParams p = distance_params(f0, f1, weight, pieces);
    p.map = output_of(map);
    p.state = output_of(state);
    const Means means = means_of(p.sums, p.grid.tiles(), f0.batch, 1, false, static_cast<double>(f0.height * f0.width),
                                 scores.data, scores.dtype);
    const unsigned blocks = blocks_of(p.grid);
    const auto kernel = with_element(f0.dtype, [](auto e) {
        using E = decltype(e);
        return distance_kernel<E>;
    });
    constexpr std::size_t bytes = 6 * kFeatureThreads * sizeof(double);
    check(launch(kernel, dim3(blocks), dim3(kFeatureThreads), bytes, static_cast<cudaStream_t>(stream), p),
          "distances of features");
    check(mean(means, static_cast<cudaStream_t>(stream)), "means of distances");
}

}  // namespace limen::cuda
