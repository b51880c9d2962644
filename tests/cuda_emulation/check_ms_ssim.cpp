#include <limen/ms_ssim.hpp>

#include "check_gradients.h"

namespace check {

void check_ms_ssim(CudaCase& c) {
    c.draw(CudaCase::Metric::ms_ssim);
    const limen::Reduction reduction = c.reduction();
    const std::size_t count = c.scores(reduction), scales = count * static_cast<std::size_t>(c.convention.scales);
    const std::size_t bytes = limen::cuda::ms_ssim_workspace_bytes(c.x(), c.data_range, c.convention);
    const DType dtype = c.score_dtype();
    const bool with_scales = c.note("with_scales", c.random.chance(0.6));
    const auto call = [&](Outputs& o, std::size_t workspace) {
        const auto scores = o.scores(count, dtype);
        limen::cuda::Scores means;
        if (with_scales) means = o.scores(scales, c.number());
        limen::cuda::ms_ssim(c.x(), c.y(), c.data_range, c.convention, reduction, scores,
                             with_scales ? &means : nullptr, o.workspace(workspace), nullptr);
    };
    const auto outputs = c.run([&](Outputs& o) { call(o, bytes); });
    const auto library = CudaCase::library([&] {
        std::vector<Numbers> numbers = {Numbers(count), Numbers(scales)};
        limen::ms_ssim(c.x(), c.y(), c.data_range, c.convention, reduction, numbers[0].data(), numbers[1].data());
        return numbers;
    });
    c.compare("score", *outputs, 0, library, 0, 1);
    if (with_scales) c.compare("scales", *outputs, 1, library, 1, 1);
    Outputs o(c.random);
    c.expect_refusal("a workspace that is too small", [&] { call(o, bytes - 1); });
}

void check_ms_ssim_gradient(CudaCase& c) {
    c.draw(CudaCase::Metric::ms_ssim);
    const bool with_state = c.note("with_state", c.random.chance(0.5));
    check_gradients(
        c, limen::cuda::ms_ssim_gradient_workspace_bytes(c.x(), c.data_range, c.convention),
        [&](const GradientCall& g) {
            Outputs before(c.random);
            limen::cuda::Workspace state;
            if (with_state) {
                state = before.workspace(limen::cuda::ms_ssim_state_bytes(c.x(), c.data_range, c.convention));
                limen::cuda::ms_ssim(
                    c.x(), c.y(), c.data_range, c.convention, g.reduction,
                    before.scores(c.scores(g.reduction), DType::float64), nullptr,
                    before.workspace(limen::cuda::ms_ssim_workspace_bytes(c.x(), c.data_range, c.convention)), nullptr,
                    &state);
            }
            limen::cuda::ms_ssim_gradient(c.x(), c.y(), c.data_range, c.convention, g.reduction, g.scores, g.grad_x,
                                          g.grad_y, g.upstream, g.factor, g.workspace, nullptr,
                                          with_state ? &state : nullptr);
        },
        [&](limen::Reduction reduction) {
            return library_gradients(
                c, c.scores(reduction), [&](double* scores, const limen::OutputView* x, const limen::OutputView* y) {
                    limen::ms_ssim_gradient(c.x(), c.y(), c.data_range, c.convention, reduction, scores, x, y);
                });
        });
}

}  // namespace check
