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
    int* rows;
    int* columns;

    enum Number { ratio, inverse0, shift, along0, along1, outer0, outer1, upstream, count };
    static constexpr std::size_t kBytes = kMostPositions * (count * sizeof(T) + 2 * sizeof(int));

    __device__ __forceinline__ explicit Positions(T* shared)
        : numbers(shared),
          rows(reinterpret_cast<int*>(shared + count * kMostPositions)),
          columns(rows + kMostPositions) {}
    __device__ __forceinline__ T& at(Number n, int i) const { return numbers[n * kMostPositions + i]; }

    __device__ __forceinline__ void read(const GradientParams& p, const Tile& tile) const {
        for (int i = static_cast<int>(threadIdx.x); i < tile.col_end - tile.col_begin; i += kFeatureThreads) {
            const int position = tile.col_begin + i, row = position / p.pair.width,
                      column = position - row * p.pair.width;
            const auto place = [&](const Output& o) { return tile.plane * o.batch + row * o.row + column * o.column; };
            const auto state = [&](int k) { return p.state.read<T>(place(p.state) + k * p.state.channel); };
            const T up = p.upstream.read<T>(place(p.upstream)), i0 = state(1);
            rows[i] = row;
            columns[i] = column;
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
    for (int item = static_cast<int>(threadIdx.x) / 32; item < p.chunks * p.parts; item += kWarps) {
        const int part = item % p.parts, chunk = static_cast<int>(blockIdx.y) * p.chunks + item / p.parts;
        const int c = 4 * (chunk * f.lanes + lane % f.lanes), left = f.channels - c;
        T w[4], sums[4] = {};
#pragma unroll
        for (int j = 0; j < 4; j++) w[j] = j < left ? f.weight_of<T>(c + j) : T(0);
        for (int i = part * together + lane / f.lanes; i < count && left > 0; i += together * p.parts) {
            const int row = positions.rows[i], column = positions.columns[i];
            const auto place = [&](const FeatureMap& m) {
                return m.place(tile.plane, row, column) + c * m.view.channel;
            };
            FourElements<E> a, b;
            T of_a[4], of_b[4];
            read_four(f.f0, place(f.f0), left, a);
            read_four(f.f1, place(f.f1), left, b);
            const FeatureState<T> state = {
                positions.at(P::ratio, i), positions.at(P::inverse0, i), T(0),
                positions.at(P::shift, i), positions.at(P::along0, i),   positions.at(P::along1, i)};
            const T outer0 = positions.at(P::outer0, i), outer1 = positions.at(P::outer1, i),
                    upstream = positions.at(P::upstream, i);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const FeatureSlopes<T> s =
                    feature_slopes(state, outer0, outer1, number_of(a.element[j]), number_of(b.element[j]), w[j]);
                of_a[j] = s.f0;
                of_b[j] = s.f1;
                sums[j] += upstream * s.u * s.u;
            }
            write_four<E>(p.grad0, place(p.grad0), left, of_a);
            write_four<E>(p.grad1, place(p.grad1), left, of_b);
        }
        if (!p.weight_sums) continue;
#pragma unroll
        for (int j = 0; j < 4; j++) {
            double sum = static_cast<double>(sums[j]);
            for (int i = f.lanes; i < 32; i *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, i);
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
