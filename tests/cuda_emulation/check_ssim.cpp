#include <limen/ssim.hpp>

#include "check_gradients.h"

namespace check {

void check_ssim(CudaCase& c) {
    c.draw(CudaCase::Metric::ssim);
    const limen::Reduction reduction = c.reduction();
    const std::size_t count = c.scores(reduction);
    const std::size_t bytes = limen::cuda::ssim_workspace_bytes(c.x(), c.data_range, c.convention);
    const DType dtype = c.score_dtype(), map_dtype = c.score_dtype();
    const bool has_map = c.note("map", c.random.chance(0.5));
    const auto outputs = c.run([&](Outputs& o) {
        const auto scores = o.scores(count, dtype);
        limen::OutputView map;
        if (has_map) map = o.image(map_dtype, c.map_shape());
        limen::cuda::ssim(c.x(), c.y(), c.data_range, c.convention, reduction, scores, has_map ? &map : nullptr,
                          o.workspace(bytes), nullptr);
    });
    const auto library = CudaCase::library([&] {
        Random any = c.random;
        Batch map(any, DType::float64, c.map_shape(), Arrangement::planar);
        const limen::OutputView to_map = map.output();
        Numbers scores(count);
        limen::ssim(c.x(), c.y(), c.data_range, c.convention, reduction, scores.data(), &to_map);
        return std::vector<Numbers>{scores, map.values()};
    });
    c.compare("score", *outputs, 0, library, 0, 1);
    if (has_map) c.compare("map", *outputs, 1, library, 1, 1);
    Outputs o(c.random);
    c.expect_refusal("a workspace that is too small", [&] {
        limen::cuda::ssim(c.x(), c.y(), c.data_range, c.convention, reduction, o.scores(count, dtype), nullptr,
                          o.workspace(bytes - 1), nullptr);
    });
}

void check_ssim_gradient(CudaCase& c) {
    c.draw(CudaCase::Metric::ssim);
    const std::size_t bytes = limen::cuda::ssim_gradient_workspace_bytes(c.x(), c.data_range, c.convention);
    std::unique_ptr<Batch> weights;
    if (c.note("weighted", c.random.chance(0.4))) {
        weights = std::make_unique<Batch>(c.random, c.number(), c.map_shape(), random_arrangement(c.random, true));
        for (std::int64_t i = 0; i < weights->shape().count(); i++) weights->set(i, c.random.uniform(-1, 1));
    }
    const limen::ImageView view = weights ? weights->image() : limen::ImageView{};
    const limen::ImageView* const given = weights ? &view : nullptr;
    check_gradients(
        c, bytes,
        [&](const GradientCall& g) {
            limen::cuda::ssim_gradient(c.x(), c.y(), c.data_range, c.convention, g.reduction, g.scores, g.grad_x,
                                       g.grad_y, given, g.upstream, g.factor, g.workspace, nullptr);
        },
        [&](limen::Reduction reduction) {
            return library_gradients(
                c, c.scores(reduction), [&](double* scores, const limen::OutputView* x, const limen::OutputView* y) {
                    limen::ssim_gradient(c.x(), c.y(), c.data_range, c.convention, reduction, scores, x, y, given);
                });
        },
        weights != nullptr);
}

}  // namespace check
