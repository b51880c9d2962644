#include "feature_maps.h"
#include "means.h"

#include <limen/feature_distance.hpp>

namespace limen::cuda {
namespace {

constexpr int kWarps = kFeatureThreads / 32, kMostPositions = 256;

struct GradientParams {
    FeaturePair pair;
    TileGrid grid;  // of an image's positions, in a row; at most kMostPositions a tile
    // A warp takes 4 * lanes channels and, of every tile, every parts-th group of 32 / lanes positions; a block several such chunks of channels.
    int chunks, parts;
    Output state, upstream;
    FeatureMap grad0, grad1;
    double* weight_sums;  // [channel][image][tile][part]; may be null
};

// What a block knows of its positions, in shared memory.
template <class T>
struct Positions {
    T* numbers;

    enum Number { ratio, inverse0, shift, along0, along1, outer0, outer1, upstream, count };
    static constexpr std::size_t kBytes = kMostPositions * count * sizeof(T);

    __device__ __forceinline__ explicit Positions(T* shared) : numbers(shared) {}
    __device__ __forceinline__ T& at(Number n, int i) const { return numbers[n * kMostPositions + i]; }

    __device__ __forceinline__ void read(const GradientParams& p, const Tile& tile) const {
        for (int i = static_cast<int>(threadIdx.x); i < tile.col_end - tile.col_begin; i += kFeatureThreads) {
            const Position position = p.pair.position(tile.col_begin + i);
            const auto number = [&](const Output& o, int k) {
                const int64_t place = tile.plane * o.batch + position.in(o) + k * o.channel;
                return o.dtype == DType::float32 ? static_cast<T>(static_cast<const float*>(o.data)[place])
                                                 : static_cast<T>(static_cast<const double*>(o.data)[place]);
            };
            const auto state = [&](int k) { return number(p.state, k); };
            const T up = number(p.upstream, 0), i0 = state(1);
            at(ratio, i) = state(0);
            at(inverse0, i) = i0;
            at(shift, i) = state(3);
            at(along0, i) = state(4);
            at(along1, i) = state(5);
            at(outer0, i) = 2 * up * i0;
            at(outer1, i) = -2 * up * state(2);
            at(upstream, i) = up;
        }
    }
};

// Where four channels of a position lie in all maps.
template <class E>
struct Places {
    const E* f0;
    const E* f1;
    E* grad0;  // null if it is not wanted, or not of this type
    E* grad1;

    __device__ __forceinline__ static Places of(const GradientParams& p, int image, const Position& position,
                                                int channel) {
        const auto at = [&](const FeatureMap& m) {
            const int64_t place = image * m.view.batch + position.in(m.view) + channel * m.view.channel;
            return m.same ? static_cast<E*>(m.view.data) + place : nullptr;
        };
        return {at(p.pair.f0), at(p.pair.f1), at(p.grad0), at(p.grad1)};
    }

    // To a position that lies so much further in the same row.
    __device__ __forceinline__ void advance(const GradientParams& p, int columns) {
        f0 = kept(f0 + columns * p.pair.f0.view.column);
        f1 = kept(f1 + columns * p.pair.f1.view.column);
        if (grad0) grad0 = kept(grad0 + columns * p.grad0.view.column);
        if (grad1) grad1 = kept(grad1 + columns * p.grad1.view.column);
    }
};

// Writes four channels, or the first `count` of them.
template <class E, class T>
__device__ __forceinline__ void write_four(const FeatureMap& m, E* at, int image, const Position& position, int channel,
                                           int count, const T (&value)[4]) {
    if (at && m.fours && count >= 4) {
        FourElements<E> four;
#pragma unroll
        for (int j = 0; j < 4; j++) set_element(four.element[j], value[j]);
        *reinterpret_cast<FourElements<E>*>(at) = four;
    } else if (at && count >= 4) {
#pragma unroll
        for (int j = 0; j < 4; j++, at = kept(at + m.view.channel)) set_element(*at, value[j]);
    } else if (m.view.data) {
        const int64_t first = image * m.view.batch + position.in(m.view) + channel * m.view.channel;
#pragma unroll
        for (int j = 0; j < 4; j++)
            if (j < count) m.view.write(first + j * m.view.channel, value[j]);
    }
}

template <class E>
__global__ void __launch_bounds__(kFeatureThreads, 3) gradient_kernel(const __grid_constant__ GradientParams p) {
    using T = Number<E>;
    using P = Positions<T>;
    const FeaturePair& f = p.pair;
    const Tile tile = p.grid.tile(blockIdx.x);
    const P positions(shared_memory<T>());
    positions.read(p, tile);
    __syncthreads();

    const int lane = static_cast<int>(threadIdx.x) % 32, together = 32 / f.lanes, count = tile.col_end - tile.col_begin;
    const bool one_row = f.width >= tile.col_end;
    for (int item = static_cast<int>(threadIdx.x) / 32; item < p.chunks * p.parts; item += kWarps) {
        const int part = item % p.parts, chunk = static_cast<int>(blockIdx.y) * p.chunks + item / p.parts;
        const int c = 4 * (chunk * f.lanes + lane % f.lanes), left = f.channels - c;
        T w[4], sums[4] = {};
#pragma unroll
        for (int j = 0; j < 4; j++) w[j] = j < left ? f.weight_of<T>(c + j) : T(0);
        int i = part * together + lane / f.lanes;
        Position position = f.position(tile.col_begin + i);
        auto places = Places<E>::of(p, tile.plane, position, c);
        for (; i < count && left > 0; i += together * p.parts) {
            FourElements<E> a, b;
            const auto read = [&](const FeatureMap& m, const E* at, FourElements<E>& out) {
                if (left < 4) read_some(at, m.view.channel, left, out);
                else if (m.fours) out = read_fours(at);
                else read_apart(at, m.view.channel, out);
            };
            read(f.f0, places.f0, a);
            read(f.f1, places.f1, b);
            const FeatureState<T> state = {
                positions.at(P::ratio, i), positions.at(P::inverse0, i), T(0),
                positions.at(P::shift, i), positions.at(P::along0, i),   positions.at(P::along1, i)};
            const T outer0 = positions.at(P::outer0, i), outer1 = positions.at(P::outer1, i),
                    upstream = positions.at(P::upstream, i);
            T of_a[4], of_b[4];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const FeatureSlopes<T> s =
                    feature_slopes(state, outer0, outer1, number_of(a.element[j]), number_of(b.element[j]), w[j]);
                of_a[j] = s.f0;
                of_b[j] = s.f1;
                sums[j] += upstream * s.u * s.u;
            }
            write_four(p.grad0, places.grad0, tile.plane, position, c, left, of_a);
            write_four(p.grad1, places.grad1, tile.plane, position, c, left, of_b);
            if (one_row) {
                position.column += together * p.parts;
                places.advance(p, together * p.parts);
            } else {
                position = f.position(tile.col_begin + i + together * p.parts);
                places = Places<E>::of(p, tile.plane, position, c);
            }
        }
        if (!p.weight_sums) continue;
#pragma unroll
        for (int j = 0; j < 4; j++) {
            double sum = static_cast<double>(sums[j]);
            for (int lanes = f.lanes; lanes < 32; lanes *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
            if (lane < f.lanes && j < left)
                p.weight_sums[((c + j) * p.grid.planes * p.grid.tiles() + blockIdx.x) * p.parts + part] = sum;
        }
    }
}

struct GradientLayout {
    GradientParams params = {};
    int64_t chunks;  // of all channels
    int64_t rows;    // of sums for a channel

    // By shape and layout alone. Few positions are cut into smaller tiles, and the channels of few tiles between more blocks.
    GradientLayout(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight, bool of_weight,
                   Pieces& pieces) {
        GradientParams& p = params;
        p.pair = feature_pair(f0, f1, weight);
        const int together = 32 / p.pair.lanes, positions = static_cast<int>(f0.height * f0.width);
        int tile = kMostPositions;
        const auto blocks = [&] { return p.grid.planes * p.grid.tiles(); };
        for (;; tile /= 2) {
            p.grid = tile_grid(f0.batch, 1, positions, 1, tile, 1);
            if (tile == 32 || blocks() >= kEnoughBlocks) break;
        }
        constexpr int64_t most_groups = 65535;  // that CUDA starts in a grid's second direction
        chunks = (f0.channels + 4 * p.pair.lanes - 1) / (4 * p.pair.lanes);
        int64_t each = chunks;
        const auto groups = [&](int64_t of) { return (chunks + of - 1) / of; };
        while (each > kWarps && blocks() * groups(each) < kEnoughBlocks && groups((each + 1) / 2) <= most_groups)
            each = (each + 1) / 2;
        p.chunks = static_cast<int>(each);
        for (p.parts = 1; 2 * p.parts * each <= kWarps && 2 * p.parts * together <= tile;) p.parts *= 2;
        rows = blocks() * p.parts;
        if (of_weight) p.weight_sums = pieces.take<double>(f0.channels * rows);
    }
};

}  // namespace

std::size_t feature_distance_gradient_workspace_bytes(const ImageView& f0, bool of_weight) {
    check_feature_shape(f0);
    Pieces pieces;
    GradientLayout(f0, f0, nullptr, of_weight, pieces);
    return pieces.bytes();
}

void feature_distance_gradient(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight,
                               const ImageView& state, const ImageView& upstream, const OutputView* grad_f0,
                               const OutputView* grad_f1, const Scores* grad_weight, const Workspace& workspace,
                               void* stream) {
    detail::check_features(f0, f1);
    check_feature_shape(f0);
    check_positions("state", state, f0, feature_state_size);
    check_positions("upstream", upstream, f0, 1);
    if (grad_f0) detail::check_output("grad_f0", *grad_f0, f0, f0.height, f0.width);
    if (grad_f1) detail::check_output("grad_f1", *grad_f1, f0, f0.height, f0.width);
    if (grad_weight) check_scores("grad_weight", grad_weight->data, grad_weight->dtype);
    Pieces pieces(workspace, feature_distance_gradient_workspace_bytes(f0, grad_weight != nullptr));
    GradientLayout layout(f0, f1, weight, grad_weight != nullptr, pieces);
    GradientParams& p = layout.params;
    p.state = output_of(&state);
    p.upstream = output_of(&upstream);
    p.grad0 = feature_map(grad_f0, f0.dtype);
    p.grad1 = feature_map(grad_f1, f0.dtype);
    if (rows_follow(&f0) && rows_follow(&f1) && rows_follow(&state) && rows_follow(&upstream) && rows_follow(grad_f0) &&
        rows_follow(grad_f1))
        p.pair.width = static_cast<int>(f0.height * f0.width);
    const dim3 blocks(blocks_of(p.grid), static_cast<unsigned>((layout.chunks + p.chunks - 1) / p.chunks));
    check(with_element(f0.dtype,
                       [&](auto e) {
                           using E = decltype(e);
                           return launch(gradient_kernel<E>, blocks, dim3(kFeatureThreads),
                                         Positions<Number<E>>::kBytes, static_cast<cudaStream_t>(stream), p);
                       }),
          "gradients of the distance of features");
    if (!grad_weight) return;
    // Not a mean: what it is divided by is one.
    const Means sums =
        means_of(p.weight_sums, layout.rows, f0.channels, 1, false, 1, grad_weight->data, grad_weight->dtype);
    check(mean(sums, static_cast<cudaStream_t>(stream)), "gradient of the weight");
}

}  // namespace limen::cuda
