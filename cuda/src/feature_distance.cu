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

// Weights that wait in shared memory at a time: of whole turns of the loop over channels, however they are split.
constexpr int kStaged = 2048;

// A thread's position, which others of the block share, and its channels.
template <class E>
struct Place {
    const E* at0;  // the position's first channel
    const E* at1;
    int first;  // channel, of four; the next are `step` further
    int step;
};

// What a block has in shared memory.
struct Shared {
    char* sums;  // six of every thread
    char* weights;

    static constexpr std::size_t kSumBytes = 6 * kFeatureThreads * sizeof(double);
    static std::size_t bytes(int channels) {
        return kSumBytes + static_cast<std::size_t>(std::min(channels + 3, kStaged)) / 4 * 4 * sizeof(double);
    }
    __device__ __forceinline__ explicit Shared(char* memory) : sums(memory), weights(memory + kSumBytes) {}
};

// Sums over all channels of the threads' positions, whole in every thread. All threads of the block must call it.
template <class T, class E>
__device__ __forceinline__ FeatureSums<T> sum_channels(const DistanceParams& p, const Place<E>& place, T ratio,
                                                       const Shared& shared) {
    const FeaturePair& f = p.pair;
    FeatureSums<T> s = {};
    constexpr int ahead = sizeof(T) == 8 ? 1 : 2;  // fours, all read before any is used
    const int64_t step0 = f.f0.view.channel, step1 = f.f1.view.channel;
    const E* at0 = place.at0 + place.first * step0;
    const E* at1 = place.at1 + place.first * step1;
    const int64_t jump0 = place.step * step0, jump1 = place.step * step1;
    const bool fours = f.f0.fours && f.f1.fours;
    T* const weights = reinterpret_cast<T*>(shared.weights);
    int first = place.first;
    for (int begin = 0; begin < f.channels; begin += kStaged) {
        const int end = min(begin + kStaged, f.channels);
        __syncthreads();
#pragma unroll 1
        for (int c = static_cast<int>(threadIdx.x); c < (end - begin + 3) / 4 * 4; c += kFeatureThreads)
            weights[c] = begin + c < end ? f.weight_of<T>(begin + c) : T(0);
        __syncthreads();
        const auto add = [&](FeatureSums<T>& to, const FourElements<E>& a, const FourElements<E>& b, int channel) {
#pragma unroll
            for (int j = 0; j < 4; j++)
                feature_add<false>(to, static_cast<T>(number_of(a.element[j])), static_cast<T>(number_of(b.element[j])),
                                   ratio, weights[channel - begin + j]);
        };
        const auto add_sums = [&](const FeatureSums<T>& some) {
            s.square0 += some.square0, s.square1 += some.square1, s.squares += some.squares;
            s.wdd += some.wdd, s.wd1 += some.wd1, s.w11 += some.w11;
        };
        for (; first + (ahead - 1) * place.step + 4 <= end; first += ahead * place.step) {
            FourElements<E> a[ahead], b[ahead];
#pragma unroll
            for (int k = 0; k < ahead; k++, at0 = kept(at0 + jump0), at1 = kept(at1 + jump1)) {
                if (fours) {
                    a[k] = read_fours(at0);
                    b[k] = read_fours(at1);
                } else {
                    read_apart(at0, step0, a[k]);
                    read_apart(at1, step1, b[k]);
                }
            }
            if constexpr (sizeof(T) == 8) {
                add(s, a[0], b[0], first);
            } else {
                FeatureSums<T> some = {};  // by themselves first: long sums are then exacter
#pragma unroll
                for (int k = 0; k < ahead; k++) add(some, a[k], b[k], first + k * place.step);
                add_sums(some);
            }
        }
        for (; first < end; first += place.step, at0 += jump0, at1 += jump1) {
            FourElements<E> a, b;
            read_some(at0, step0, end - first, a);
            read_some(at1, step1, end - first, b);
            add(s, a, b, first);
        }
    }
    T* const sums[] = {&s.square0, &s.square1, &s.squares, &s.wdd, &s.wd1, &s.w11};
    const int part = kFeatureThreads / p.splits;
    const auto add_lanes = [&](int i) {
#pragma unroll
        for (T* sum : sums) *sum += __shfl_xor_sync(0xffffffffu, *sum, i);
    };
    for (int i = f.lanes / 2; i > 0; i /= 2) add_lanes(i);
    for (int i = 16; i >= part; i /= 2) add_lanes(i);
    if (p.splits == 1) return s;
    T* const words = reinterpret_cast<T*>(shared.sums);
#pragma unroll
    for (int k = 0; k < 6; k++) words[k * kFeatureThreads + threadIdx.x] = *sums[k];
    __syncthreads();
#pragma unroll
    for (T* sum : sums) *sum = 0;
    const int apart = max(part, 32);
    for (int i = static_cast<int>(threadIdx.x) % apart; i < kFeatureThreads; i += apart)
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
__device__ __forceinline__ Distance<T> distance(const DistanceParams& p, const Place<E>& place, const Shared& shared) {
    constexpr T epsilon = static_cast<T>(kFeatureEpsilon);
    const auto held = [](T square) { return (square >= T(1e-24) && square <= T(1e30)) || square == 0; };
    Distance<T> d;
    T ratio = 1;
    for (bool again = false;; again = true) {
        const FeatureSums<T> s = sum_channels<T, E>(p, place, ratio, shared);
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
__device__ __forceinline__ double put(const DistanceParams& p, int image, const Position& position,
                                      FeatureDistance<T> d) {
    if (p.map.data) p.map.write(image * p.map.batch + position.in(p.map), d.value);
    if (p.state.data) {
        FeatureState<T> s = d.state;
        // Of lengths so different that float32 doesn't hold their ratio, one is nothing beside the other.
        if (sizeof(T) == 8 && p.state.dtype == DType::float32 && !(s.ratio >= T(1e-37) && s.ratio <= T(1e37))) {
            s.ratio = 0;
            s.shift = -s.inverse1;
        }
        const T numbers[] = {s.ratio, s.inverse0, s.inverse1, s.shift, s.along0, s.along1};
        int64_t at = image * p.state.batch + position.in(p.state);
#pragma unroll
        for (int k = 0; k < feature_state_size; k++, at += p.state.channel) {
            if (p.state.dtype == DType::float32) static_cast<float*>(p.state.data)[at] = static_cast<float>(numbers[k]);
            else static_cast<double*>(p.state.data)[at] = static_cast<double>(numbers[k]);
        }
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
    const int wanted = tile.col_begin + within / f.lanes;
    const Position position = f.position(min(wanted, tile.col_end - 1));
    const auto at = [&](const Output& v) {
        return static_cast<const E*>(v.data) + (tile.plane * v.batch + position.in(v));
    };
    const Shared shared(shared_memory<char>());
    const Place<E> place = {at(f.f0.view), at(f.f1.view), 4 * (split * f.lanes + lane), 4 * f.lanes * p.splits};
    const bool writes = wanted < tile.col_end && split == 0 && lane == 0;

    const Distance<Number<E>> d = distance<Number<E>, E>(p, place, shared);
    double sum = writes ? put(p, tile.plane, position, d.of) : 0;
    if constexpr (sizeof(Number<E>) == 4) {
        if (__syncthreads_or(!d.held)) {
            const Distance<double> wide = distance<double, E>(p, place, shared);
            if (writes && !d.held) sum = put(p, tile.plane, position, wide.of);
        }
    }
    const double total = block_sum(sum, shared_memory<double>());
    if (threadIdx.x == 0) p.sums[tile.plane * p.grid.tiles() + tile.index] = total;
}

constexpr int kMostSplits = 16;

// By shape and layout alone. The channels of few positions are split between more threads.
DistanceParams distance_params(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight, Pieces& pieces) {
    DistanceParams p = {};
    p.pair = feature_pair(f0, f1, weight);
    for (p.splits = 1;; p.splits *= 2) {
        p.grid = tile_grid(f0.batch, 1, static_cast<int>(f0.height * f0.width), 1,
                           kFeatureThreads / (p.pair.lanes * p.splits), 1);
        if (p.splits == kMostSplits || p.grid.planes * p.grid.tiles() >= kEnoughBlocks ||
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
    if (rows_follow(&f0) && rows_follow(&f1) && rows_follow(map) && rows_follow(state))
        p.pair.width = static_cast<int>(f0.height * f0.width);
    const Means means = means_of(p.sums, p.grid.tiles(), f0.batch, 1, false, static_cast<double>(f0.height * f0.width),
                                 scores.data, scores.dtype);
    const unsigned blocks = blocks_of(p.grid);
    check(with_element(f0.dtype,
                       [&](auto e) {
                           using E = decltype(e);
                           return launch(distance_kernel<E>, dim3(blocks), dim3(kFeatureThreads),
                                         Shared::bytes(p.pair.channels), static_cast<cudaStream_t>(stream), p);
                       }),
          "distances of features");
    check(mean(means, static_cast<cudaStream_t>(stream)), "means of distances");
}

}  // namespace limen::cuda
