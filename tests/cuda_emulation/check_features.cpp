#include <cmath>
#include <limen/feature_distance.hpp>
#include <limen/runtime.hpp>

#include "check.h"
#include "checkkernels_feature_vectors.h"

namespace check {
namespace {

using limen::feature_state_size;

Shape random_shape(CudaCase& c) {
    Random& random = c.random;
    Shape s = {random.between(1, 3), random.between(1, 40), random.between(1, 5), random.between(1, 40)};
    if (random.chance(0.2)) s.channels = random.between(60, 300), s.width = random.between(1, 9);
    else if (random.chance(0.15)) s = {random.between(1, 2), random.between(1, 5), random.between(20, 40), 40};
    c.note("batch", s.batch);
    c.note("channels", s.channels);
    c.note("height", s.height);
    c.note("width", s.width);
    return s;
}

// Channels first or last, or as images may be.
Arrangement random_layout(CudaCase& c, bool may_repeat) {
    const Arrangement arrangement = c.random.chance(0.35)  ? Arrangement::planar
                                    : c.random.chance(0.6) ? Arrangement::interleaved
                                                           : random_arrangement(c.random, may_repeat);
    c.note("layout", name_of(arrangement));
    return arrangement;
}

// Maps whose vectors are alike, parallel, empty or nothing of the kind, some huge or tiny, now and then one with a number that is not finite.
struct Pair {
    Shape shape;
    Batch f0, f1;
    std::vector<double> weights;
    bool any_scale, broken;

    Pair(CudaCase& c, DType dtype)
        : shape(random_shape(c)),
          f0(c.random, dtype, shape, random_layout(c, true)),
          f1(c.random, dtype, shape, random_layout(c, true)),
          any_scale(c.note("any_scale", c.random.chance(0.3))),
          broken(c.note("broken", c.random.chance(0.05))) {
        Random& random = c.random;
        const double reach = dtype == DType::float16 ? 1 : dtype == DType::float64 ? 60 : 18;
        const auto scale = [&] { return any_scale ? std::pow(10, random.uniform(-reach, reach)) : 1; };
        const double alike = random.uniform();  // a block of positions that are all in order takes fewer steps
        for (std::int64_t i = 0; i < positions(); i++) {
            const double kind = random.uniform(alike, 1), of0 = scale(), of1 = kind > 0.5 ? of0 : scale();
            const double near = random.pick({1e-1, 1e-2, 1e-3, 1e-4}), ratio = random.uniform(0.2, 5);
            const bool empty = random.chance(0.05);
            for (std::int64_t k = 0; k < shape.channels; k++) {
                const double a = std::max(0.0, random.uniform(-1, 1)), b = std::max(0.0, random.uniform(-1, 1));
                f0.set(element(i, k), empty && kind < 0.7 ? 0 : of0 * a);
                f1.set(element(i, k), kind < 0.2   ? of1 * ratio * (a + near * b)
                                      : kind < 0.6 ? of1 * (a + near * b)
                                      : empty      ? 0
                                                   : of1 * b);
            }
        }
        if (broken)
            (random.chance(0.5) ? f0 : f1)
                .set(random.between(0, shape.count() - 1),
                     random.pick({double{NAN}, double{INFINITY}, -double{INFINITY}}));
        const bool sparse = random.chance(0.5);
        for (std::int64_t k = 0; k < shape.channels; k++)
            weights.push_back(
                sparse && random.chance(0.5) ? 0 : static_cast<double>(static_cast<float>(random.uniform(0, 2))));
    }

    std::int64_t positions() const { return shape.batch * shape.height * shape.width; }
    std::int64_t element(std::int64_t position, std::int64_t channel) const {
        const std::int64_t area = shape.height * shape.width;
        return (position / area * shape.channels + channel) * area + position % area;
    }
    FeatureVectors vectors(std::int64_t position) const {
        std::vector<double> a, b;
        for (std::int64_t k = 0; k < shape.channels; k++) {
            a.push_back(f0.get(element(position, k)));
            b.push_back(f1.get(element(position, k)));
        }
        return {a, b};
    }
    Shape of_positions(std::int64_t channels) const { return {shape.batch, channels, shape.height, shape.width}; }
};

// The weight in device memory: exactly its size.
struct DeviceWeights {
    Guarded memory;
    limen::cuda::ChannelWeights view;

    DeviceWeights(DType dtype, const std::vector<double>& weights)
        : memory(weights.size() * size_of(dtype)), view{memory.data(), dtype} {
        for (std::size_t k = 0; k < weights.size(); k++)
            write_element(memory.data(), dtype, static_cast<std::int64_t>(k), weights[k]);
    }
};

}  // namespace

void check_features(CudaCase& c) {
    limen::set_implementation("reference");
    const DType dtype =
        c.random.pick({DType::float16, DType::bfloat16, DType::float32, DType::float32, DType::float64});
    c.note("dtype", static_cast<int>(dtype));
    Pair pair(c, dtype);
    const bool wide = dtype == DType::float64, weighted = c.note("weighted", c.random.chance(0.8)),
               with_map = c.note("map", c.random.chance(0.7));
    if (!weighted) std::fill(pair.weights.begin(), pair.weights.end(), 1);
    const DType number = wide ? DType::float64 : DType::float32, score_dtype = c.score_dtype(),
                map_dtype = c.score_dtype();
    const DeviceWeights memory(c.score_dtype(), pair.weights);
    const limen::cuda::ChannelWeights* const weight = weighted ? &memory.view : nullptr;
    const double* const weights = weighted ? pair.weights.data() : nullptr;
    const limen::ImageView f0 = pair.f0.image(), f1 = pair.f1.image();
    const auto batch = static_cast<std::size_t>(pair.shape.batch);

    const std::size_t bytes = limen::cuda::feature_distance_workspace_bytes(f0);
    const auto distance = [&](Outputs& o, std::size_t workspace, bool map) {
        const auto scores = o.scores(batch, score_dtype);
        const limen::OutputView state = o.image(number, pair.of_positions(feature_state_size));
        const limen::OutputView of_map = map ? o.image(map_dtype, pair.of_positions(1)) : limen::OutputView{};
        limen::cuda::feature_distance(f0, f1, weight, scores, map ? &of_map : nullptr, &state, o.workspace(workspace),
                                      nullptr);
    };
    const auto outputs = c.run([&](Outputs& o) { distance(o, bytes, with_map); });
    Batch expected_map(c.random, DType::float64, pair.of_positions(1), Arrangement::planar);
    const limen::OutputView to_map = expected_map.output();
    Numbers expected(batch), allowed(batch, kNothing);
    limen::feature_distance(f0, f1, weights, expected.data(), &to_map);
    const Numbers map = with_map ? outputs->values(2) : Numbers();
    const std::int64_t area = pair.shape.height * pair.shape.width;
    for (std::int64_t i = 0; i < pair.positions(); i++) {
        const double tolerance = pair.vectors(i).distance_tolerance(pair.weights, wide), right = expected_map.get(i);
        allowed[static_cast<std::size_t>(i / area)] += tolerance / static_cast<double>(area);
        if (with_map)
            c.near("map", i, map[static_cast<std::size_t>(i)], right,
                   tolerance + last_place(map_dtype, right) + kNothing);
    }
    for (std::size_t b = 0; b < batch; b++)
        c.near("score", static_cast<std::int64_t>(b), outputs->values(0)[b], expected[b],
               allowed[b] + 0x1p-50 * expected[b] + last_place(score_dtype, expected[b]));
    Outputs small(c.random);
    c.expect_refusal("a workspace that is too small", [&] { distance(small, bytes - 1, false); });

    // Gradients, from the state that the kernels left or from the reference's.
    const bool own_state = c.note("own_state", c.random.chance(0.5));
    Batch state(c.random, number, pair.of_positions(feature_state_size), random_layout(c, false));
    const limen::OutputView to_state = state.output();
    if (own_state) state.set(outputs->values(1));
    else limen::feature_distance(f0, f1, weights, expected.data(), nullptr, &to_state);
    Batch upstream(c.random, c.score_dtype(), pair.of_positions(1), random_layout(c, true));
    for (std::int64_t i = 0; i < pair.positions(); i++) upstream.set(i, c.random.uniform(-1, 1));
    DType out = c.random.chance(0.5) ? dtype : c.gradient_dtype();
    if (pair.any_scale && out == DType::float16) out = DType::float32;  // which doesn't hold every gradient
    const DType weight_dtype = c.score_dtype();
    const double which = c.random.uniform();
    const bool of_f0 = which < 0.8, of_f1 = which > 0.2, of_weight = c.note("of_weight", c.random.chance(0.6));
    const std::size_t gradient_bytes = limen::cuda::feature_distance_gradient_workspace_bytes(f0, of_weight);
    const auto gradients = c.run([&](Outputs& o) {
        const auto of_weights = o.scores(of_weight ? pair.weights.size() : 0, weight_dtype);
        limen::OutputView grad0, grad1;
        if (of_f0) grad0 = o.image(out, pair.shape);
        if (of_f1) grad1 = o.image(out, pair.shape);
        limen::cuda::feature_distance_gradient(f0, f1, weight, state.image(), upstream.image(),
                                               of_f0 ? &grad0 : nullptr, of_f1 ? &grad1 : nullptr,
                                               of_weight ? &of_weights : nullptr, o.workspace(gradient_bytes), nullptr);
    });
    Batch right0(c.random, DType::float64, pair.shape, Arrangement::planar);
    Batch right1(c.random, DType::float64, pair.shape, Arrangement::planar);
    const limen::OutputView to0 = right0.output(), to1 = right1.output();
    Numbers right_weights(pair.weights.size()), weight_errors(pair.weights.size(), 1e-30);
    limen::feature_distance_gradient(f0, f1, weights, state.image(), upstream.image(), &to0, &to1,
                                     right_weights.data());
    // The state's sums, and the terms of every difference, may exceed what they add up to: its squares kFeatureTerms times and one.
    const double roundings =
        (wide ? 0x1p-53 : 0x1p-24) * growth(pair.shape.channels) * (own_state ? 2 * std::sqrt(17) : 1);
    const Numbers got0 = of_f0 ? gradients->values(1) : Numbers(),
                  got1 = of_f1 ? gradients->values(of_f0 ? 2 : 1) : Numbers();
    for (std::int64_t i = 0; i < pair.positions(); i++) {
        const FeatureVectors::Scales scales = pair.vectors(i).gradient_scales(pair.weights, own_state);
        const double factor = std::fabs(upstream.get(i));
        for (std::size_t k = 0; k < pair.weights.size(); k++) {
            const std::int64_t at = pair.element(i, static_cast<std::int64_t>(k));
            const auto element = static_cast<std::size_t>(at);
            weight_errors[k] += roundings * factor * scales.weight[k];
            const auto compare = [&](const char* what, double got, double right, double scale) {
                c.near(what, at, got, right, roundings * factor * scale + last_place(out, right) + 1e-37);
            };
            if (of_f0) compare("grad_f0", got0[element], right0.get(at), scales.of[0][k]);
            if (of_f1) compare("grad_f1", got1[element], right1.get(at), scales.of[1][k]);
        }
    }
    const Numbers got_weights = of_weight ? gradients->values(0) : Numbers();
    for (std::size_t k = 0; k < got_weights.size(); k++)
        c.near("grad_weight", static_cast<std::int64_t>(k), got_weights[k], right_weights[k],
               weight_errors[k] + last_place(weight_dtype, right_weights[k]));
}

}  // namespace check
