#include <limen/feature_distance.hpp>

#include "checks.h"
#include "planes.h"
#include "reduce.h"
#include "scratch.h"
#include "threads.h"

#include <cmath>
#include <vector>

namespace limen {
namespace {

using namespace detail;

// Weights as kernels read them.
class ChannelWeights {
  public:
    ChannelWeights(const double* weight, std::int64_t channels)
        : wide_(static_cast<std::size_t>(channels + kPadding)), narrow_(wide_.size()) {
        if (weight) check_channel_weights(weight, channels);
        for (std::size_t c = 0; c < static_cast<std::size_t>(channels); c++) {
            wide_[c] = weight ? weight[c] : 1;
            narrow_[c] = static_cast<float>(wide_[c]);
        }
    }
    FeatureWeights view() const { return {wide_.data(), narrow_.data()}; }

  private:
    static constexpr std::int64_t kPadding = 16;  // the longest vector
    std::vector<double> wide_;
    std::vector<float> narrow_;
};

// Of a floating-point number.
constexpr std::int64_t size_of(DType dtype) { return dtype == DType::float64 ? 8 : dtype == DType::float32 ? 4 : 2; }

// Whether one stride runs through all positions.
template <class View>
bool runs_on(const View* v) {
    return !v || v->height == 1 || v->width == 1 || v->row_stride == v->width * v->column_stride;
}

// Positions of an image cut into tasks. Where one stride runs through all of them, in every view, they are a single row.
struct Grid {
    bool flat;
    Tiles tiles;

    template <class... Views>
    explicit Grid(const ImageView& f0, const Views*... views)
        : flat(runs_on(&f0) && (runs_on(views) && ...)),
          tiles(flat ? 1 : f0.height, flat ? f0.height * f0.width : f0.width, most_rows(f0), most_cols(f0)) {}

    template <class View>
    Features features(const View* v, std::int64_t image) const {
        if (!v) return {nullptr, 0, 0, 0, DType::float32};
        auto* bytes = static_cast<const char*>(v->data) + image * v->batch_stride * size_of(v->dtype);
        return {const_cast<char*>(bytes), v->channel_stride, v->row_stride,
                flat && v->width == 1 ? v->row_stride : v->column_stride, v->dtype};
    }

  private:
    // A quarter of a small image, so that threads have something to share; of a large one what kernels work on at a time.
    static std::int64_t most(const ImageView& f0) {
        constexpr std::int64_t least = 128, whole_lines = 64;
        const std::int64_t quarter = (f0.height * f0.width / 4 + whole_lines - 1) / whole_lines * whole_lines;
        return std::clamp<std::int64_t>(quarter, least, kFeaturePositions);
    }
    std::int64_t most_cols(const ImageView& f0) const { return most(f0); }
    std::int64_t most_rows(const ImageView& f0) const {
        return flat ? 1 : std::max<std::int64_t>(1, most(f0) / std::min(f0.width, most(f0)));
    }
};

// Of both gradients. What a call writes beyond this goes past the cache, and whoever reads it next finds it in memory: from here on
// that costs no more than is won, on a processor whose last cache has 32 MiB.
constexpr std::int64_t kCachedGradients = std::int64_t{16} << 20;

std::int64_t bytes_of(const OutputView* v) {
    return v ? v->batch * v->channels * v->height * v->width * size_of(v->dtype) : 0;
}

template <class View>
std::array<std::int64_t, 4> shape_of(const View& v) {
    return {v.batch, v.channels, v.height, v.width};
}

}  // namespace

void feature_distance(const ImageView& f0, const ImageView& f1, const double* weight, double* scores,
                      const OutputView* map, const OutputView* state) {
    check_features(f0, f1);
    if (map) check_positions("map", map->data, map->dtype, shape_of(*map), f0, 1);
    if (state) check_positions("state", state->data, state->dtype, shape_of(*state), f0, feature_state_size);
    const ChannelWeights weights(weight, f0.channels);

    const Engine engine = engine_for(f0.dtype, 1);
    const Grid grid(f0, &f1, map, state);
    const std::int64_t tiles = grid.tiles.count();
    std::vector<double> sums(static_cast<std::size_t>(f0.batch * tiles));
    parallel_for(f0.batch * tiles, static_cast<std::size_t>(feature_distance_bytes()),
                 [&](std::int64_t i, void* scratch) {
                     const std::int64_t image = i / tiles;
                     FeatureTask task = {};
                     task.f0 = grid.features(&f0, image);
                     task.f1 = grid.features(&f1, image);
                     task.channels = f0.channels;
                     task.positions = grid.tiles[i % tiles];
                     task.weights = weights.view();
                     task.sum = &sums[static_cast<std::size_t>(i)];
                     task.map = grid.features(map, image);
                     task.state = grid.features(state, image);
                     task.scratch = scratch;
                     engine.kernels->feature_distance(task);
                 });
    for (std::int64_t b = 0; b < f0.batch; b++) {
        double sum = 0;
        for (std::int64_t t = 0; t < tiles; t++) sum += sums[static_cast<std::size_t>(b * tiles + t)];
        scores[b] = sum / static_cast<double>(f0.height * f0.width);
    }
}

double feature_distance(const ImageView& f0, const ImageView& f1, const double* weight) {
    return mean_of_batch(f0.batch, [&](double* scores) { feature_distance(f0, f1, weight, scores); });
}

void feature_distance_gradient(const ImageView& f0, const ImageView& f1, const double* weight, const ImageView& state,
                               const ImageView& upstream, const OutputView* grad_f0, const OutputView* grad_f1,
                               double* grad_weight) {
    check_features(f0, f1);
    check_positions("state", state.data, state.dtype, shape_of(state), f0, feature_state_size);
    check_positions("upstream", upstream.data, upstream.dtype, shape_of(upstream), f0, 1);
    if (grad_f0) check_output("grad_f0", *grad_f0, f0, f0.height, f0.width);
    if (grad_f1) check_output("grad_f1", *grad_f1, f0, f0.height, f0.width);
    const ChannelWeights weights(weight, f0.channels);

    const Engine engine = engine_for(f0.dtype, 1);
    const Grid grid(f0, &f1, &state, &upstream, grad_f0, grad_f1);
    const std::int64_t tiles = grid.tiles.count(), channels = grad_weight ? f0.channels : 0;
    const bool past_cache = bytes_of(grad_f0) + bytes_of(grad_f1) >= kCachedGradients;
    std::vector<double> sums(static_cast<std::size_t>(f0.batch * tiles * channels));
    parallel_for(f0.batch * tiles, static_cast<std::size_t>(feature_gradient_bytes(f0.channels)),
                 [&](std::int64_t i, void* scratch) {
                     const std::int64_t image = i / tiles;
                     FeatureGradientTask task = {};
                     task.f0 = grid.features(&f0, image);
                     task.f1 = grid.features(&f1, image);
                     task.channels = f0.channels;
                     task.positions = grid.tiles[i % tiles];
                     task.weights = weights.view();
                     task.state = grid.features(&state, image);
                     task.upstream = grid.features(&upstream, image);
                     task.grad0 = grid.features(grad_f0, image);
                     task.grad1 = grid.features(grad_f1, image);
                     task.past_cache = past_cache;
                     task.weight_sums = grad_weight ? &sums[static_cast<std::size_t>(i * channels)] : nullptr;
                     task.scratch = scratch;
                     engine.kernels->feature_gradient(task);
                 });
    for (std::int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (std::int64_t i = 0; i < f0.batch * tiles; i++) sum += sums[static_cast<std::size_t>(i * channels + c)];
        grad_weight[c] = sum;
    }
}

}  // namespace limen
