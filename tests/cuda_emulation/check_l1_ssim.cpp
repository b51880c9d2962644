#include <limen/pixel_errors.hpp>
#include <limen/ssim.hpp>

#include "check_gradients.h"

namespace check {
namespace {

// The loss by the library's two functions.
void combine(double weight, const Numbers& absolute, Numbers& ssim) {
    for (std::size_t i = 0; i < ssim.size(); i++) ssim[i] = (1 - weight) * absolute[i] + weight * (1 - ssim[i]);
}

Numbers mean_errors(const CudaCase& c, limen::Reduction reduction) {
    Numbers errors(c.scores(reduction));
    limen::mae(c.x(), c.y(), reduction, errors.data());
    return errors;
}

}  // namespace

void check_l1_ssim(CudaCase& c) {
    c.draw(CudaCase::Metric::ssim);
    const double weight = c.note("weight", c.random.pick({0.0, 0.2, 0.84, 1.0}));
    const limen::Reduction reduction = c.reduction();
    const std::size_t count = c.scores(reduction);
    const std::size_t bytes = limen::cuda::l1_ssim_workspace_bytes(c.x(), c.data_range, c.convention);
    const DType dtype = c.score_dtype();
    const auto call = [&](Outputs& o, std::size_t workspace) {
        limen::cuda::l1_ssim(c.x(), c.y(), c.data_range, c.convention, weight, reduction, o.scores(count, dtype),
                             o.workspace(workspace), nullptr);
    };
    const auto outputs = c.run([&](Outputs& o) { call(o, bytes); });
    const auto library = CudaCase::library([&] {
        Numbers scores(count);
        limen::ssim(c.x(), c.y(), c.data_range, c.convention, reduction, scores.data());
        combine(weight, mean_errors(c, reduction), scores);
        return std::vector<Numbers>{scores};
    });
    c.compare("loss", *outputs, 0, library, 0, 1);
    Outputs o(c.random);
    c.expect_refusal("a workspace that is too small", [&] { call(o, bytes - 1); });
}

void check_l1_ssim_gradient(CudaCase& c) {
    c.draw(CudaCase::Metric::ssim);
    const double weight = c.note("weight", c.random.pick({0.0, 0.2, 0.84, 1.0}));
    check_gradients(
        c, limen::cuda::l1_ssim_gradient_workspace_bytes(c.x(), c.data_range, c.convention),
        [&](const GradientCall& g) {
            limen::cuda::l1_ssim_gradient(c.x(), c.y(), c.data_range, c.convention, weight, g.reduction, g.scores,
                                          g.grad_x, g.grad_y, g.upstream, g.factor, g.workspace, nullptr);
        },
        [&](limen::Reduction reduction) {
            LibraryGradients loss = library_gradients(
                c, c.scores(reduction), [&](double* scores, const limen::OutputView* x, const limen::OutputView* y) {
                    limen::ssim_gradient(c.x(), c.y(), c.data_range, c.convention, reduction, scores, x, y, nullptr,
                                         -weight);
                });
            combine(weight, mean_errors(c, reduction), loss.scores);
            const double share =
                (1 - weight) / (static_cast<double>(loss.x.size()) / static_cast<double>(loss.scores.size()));
            const Numbers x = c.x_values(), y = c.y_values();
            for (std::size_t i = 0; i < x.size(); i++) {
                const double sign = (x[i] > y[i]) - (x[i] < y[i]);
                loss.x[i] += share * sign;
                loss.y[i] -= share * sign;
            }
            return loss;
        });
}

}  // namespace check
