#include <limen/feature_distance.hpp>

#include "checks.h"
#include "planes.h"
#include "reduce.h"
#include "scratch.h"
#include "threads.h"

#include <algorithm>
#include <stdexcept>
#include <string>
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

// Of all gradients of a call. What it writes beyond this goes past the cache, and whoever reads it next finds it in memory: from here on
// that costs no more than is won, on a processor whose last cache has 32 MiB.
constexpr std::int64_t kCachedGradients = std::int64_t{16} << 20;

std::int64_t bytes_of(const OutputView* v) {
    return v ? v->batch * v->channels * v->height * v->width * size_of(v->dtype) : 0;
}

template <class View>
std::array<std::int64_t, 4> shape_of(const View& v) {
    return {v.batch, v.channels, v.height, v.width};
}

// What task `i` of a job has, whatever is computed.
template <class Task, class Job>
Task task_of(const Job& job, std::int64_t i, void* scratch) {
    const std::int64_t tiles = job.grid.tiles.count();
    Task task = {};
    task.f0 = job.grid.features(&job.layer.f0, i / tiles);
    task.f1 = job.grid.features(&job.layer.f1, i / tiles);
    task.channels = job.layer.f0.channels;
    task.positions = job.grid.tiles[i % tiles];
    task.weights = job.weights.view();
    task.scratch = scratch;
    return task;
}

// What is computed of one layer, as tasks.
struct ForwardJob {
    const FeatureLayer& layer;
    ChannelWeights weights;
    Engine engine;
    Grid grid;
    std::vector<double> sums;  // of each task

    explicit ForwardJob(const FeatureLayer& l)
        : layer(checked(l)),
          weights(l.weight, l.f0.channels),
          engine(engine_for(l.f0.dtype, 1)),
          grid(l.f0, &l.f1, l.map, l.state),
          sums(static_cast<std::size_t>(tasks())) {}

    std::int64_t tasks() const { return layer.f0.batch * grid.tiles.count(); }
    std::int64_t scratch_bytes() const { return feature_distance_bytes(); }

    void run(std::int64_t i, void* scratch) {
        const std::int64_t image = i / grid.tiles.count();
        auto task = task_of<FeatureTask>(*this, i, scratch);
        task.sum = &sums[static_cast<std::size_t>(i)];
        task.map = grid.features(layer.map, image);
        task.state = grid.features(layer.state, image);
        engine.kernels->feature_distance(task);
    }

    void finish() const {
        const std::int64_t tiles = grid.tiles.count();
        for (std::int64_t b = 0; b < layer.f0.batch; b++) {
            double sum = 0;
            for (std::int64_t t = 0; t < tiles; t++) sum += sums[static_cast<std::size_t>(b * tiles + t)];
            layer.scores[b] = sum / static_cast<double>(layer.f0.height * layer.f0.width);
        }
    }

  private:
    static const FeatureLayer& checked(const FeatureLayer& l) {
        check_features(l.f0, l.f1);
        if (l.map) check_positions("map", l.map->data, l.map->dtype, shape_of(*l.map), l.f0, 1);
        if (l.state)
            check_positions("state", l.state->data, l.state->dtype, shape_of(*l.state), l.f0, feature_state_size);
        return l;
    }
};

struct GradientJob {
    const FeatureGradientLayer& layer;
    ChannelWeights weights;
    Engine engine;
    Grid grid;
    std::int64_t channels;     // whose weights have a gradient
    std::vector<double> sums;  // of each task and each of these
    bool past_cache = false;

    explicit GradientJob(const FeatureGradientLayer& l)
        : layer(checked(l)),
          weights(l.weight, l.f0.channels),
          engine(engine_for(l.f0.dtype, 1)),
          grid(l.f0, &l.f1, &l.state, &l.upstream, l.grad_f0, l.grad_f1),
          channels(l.grad_weight ? l.f0.channels : 0),
          sums(static_cast<std::size_t>(tasks() * channels)) {}

    std::int64_t tasks() const { return layer.f0.batch * grid.tiles.count(); }
    std::int64_t scratch_bytes() const { return feature_gradient_bytes(layer.f0.channels); }
    std::int64_t written() const { return bytes_of(layer.grad_f0) + bytes_of(layer.grad_f1); }

    void run(std::int64_t i, void* scratch) {
        const std::int64_t image = i / grid.tiles.count();
        auto task = task_of<FeatureGradientTask>(*this, i, scratch);
        task.state = grid.features(&layer.state, image);
        task.upstream = grid.features(&layer.upstream, image);
        task.grad0 = grid.features(layer.grad_f0, image);
        task.grad1 = grid.features(layer.grad_f1, image);
        task.past_cache = past_cache;
        task.weight_sums = channels ? &sums[static_cast<std::size_t>(i * channels)] : nullptr;
        engine.kernels->feature_gradient(task);
    }

    void finish() const {
        for (std::int64_t c = 0; c < channels; c++) {
            double sum = 0;
            for (std::int64_t i = 0; i < tasks(); i++) sum += sums[static_cast<std::size_t>(i * channels + c)];
            layer.grad_weight[c] = sum;
        }
    }

  private:
    static const FeatureGradientLayer& checked(const FeatureGradientLayer& l) {
        check_features(l.f0, l.f1);
        check_positions("state", l.state.data, l.state.dtype, shape_of(l.state), l.f0, feature_state_size);
        check_positions("upstream", l.upstream.data, l.upstream.dtype, shape_of(l.upstream), l.f0, 1);
        if (l.grad_f0) check_output("grad_f0", *l.grad_f0, l.f0, l.f0.height, l.f0.width);
        if (l.grad_f1) check_output("grad_f1", *l.grad_f1, l.f0, l.f0.height, l.f0.width);
        return l;
    }
};

template <class Job, class Layer>
std::vector<Job> jobs_of(std::span<const Layer> layers) {
    std::vector<Job> jobs;
    jobs.reserve(layers.size());
    for (const Layer& layer : layers) {
        try {
            jobs.emplace_back(layer);
        } catch (const std::invalid_argument& error) {
            if (layers.size() == 1) throw;
            throw std::invalid_argument("layer " + std::to_string(jobs.size()) + ": " + error.what());
        }
    }
    return jobs;
}

// Tasks of all layers together: threads wait for one another once.
template <class Job>
void run(std::vector<Job>& jobs) {
    std::vector<std::int64_t> ends;
    std::int64_t count = 0, scratch_bytes = 0;
    for (const Job& job : jobs) {
        ends.push_back(count += job.tasks());
        scratch_bytes = std::max(scratch_bytes, job.scratch_bytes());
    }
    parallel_for(count, static_cast<std::size_t>(scratch_bytes), [&](std::int64_t i, void* scratch) {
        const auto k = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), i) - ends.begin());
        jobs[k].run(k ? i - ends[k - 1] : i, scratch);
    });
    for (const Job& job : jobs) job.finish();
}

}  // namespace

void feature_distances(std::span<const FeatureLayer> layers) {
    auto jobs = jobs_of<ForwardJob>(layers);
    run(jobs);
}

void feature_distance(const ImageView& f0, const ImageView& f1, const double* weight, double* scores,
                      const OutputView* map, const OutputView* state) {
    const FeatureLayer layer = {f0, f1, weight, scores, map, state};
    feature_distances({&layer, 1});
}

double feature_distance(const ImageView& f0, const ImageView& f1, const double* weight) {
    return mean_of_batch(f0.batch, [&](double* scores) { feature_distance(f0, f1, weight, scores); });
}

void feature_distance_gradients(std::span<const FeatureGradientLayer> layers) {
    auto jobs = jobs_of<GradientJob>(layers);
    std::int64_t written = 0;
    for (const GradientJob& job : jobs) written += job.written();
    for (GradientJob& job : jobs) job.past_cache = written >= kCachedGradients;
    run(jobs);
}

void feature_distance_gradient(const ImageView& f0, const ImageView& f1, const double* weight, const ImageView& state,
                               const ImageView& upstream, const OutputView* grad_f0, const OutputView* grad_f1,
                               double* grad_weight) {
    const FeatureGradientLayer layer = {f0, f1, weight, state, upstream, grad_f0, grad_f1, grad_weight};
    feature_distance_gradients({&layer, 1});
}

}  // namespace limen
