#include <limen/pixel_errors.hpp>

#include "check.h"

namespace check {

void check_pixel_errors(CudaCase& c) {
    c.draw(CudaCase::Metric::none);
    const limen::Reduction reduction = c.reduction();
    const std::size_t count = c.scores(reduction);
    const std::size_t bytes = limen::cuda::pixel_errors_workspace_bytes(c.x());
    const DType dtype = c.score_dtype();
    const auto outputs = c.run([&](Outputs& o) {
        limen::cuda::mse(c.x(), c.y(), reduction, o.scores(count, dtype), o.workspace(bytes), nullptr);
        limen::cuda::mae(c.x(), c.y(), reduction, o.scores(count, dtype), o.workspace(bytes), nullptr);
        limen::cuda::psnr(c.x(), c.y(), c.data_range, reduction, o.scores(count, dtype), o.workspace(bytes), nullptr);
    });
    const auto library = CudaCase::library([&] {
        std::vector<Numbers> errors(3, Numbers(count));
        limen::mse(c.x(), c.y(), reduction, errors[0].data());
        limen::mae(c.x(), c.y(), reduction, errors[1].data());
        limen::psnr(c.x(), c.y(), c.data_range, reduction, errors[2].data());
        return errors;
    });
    c.compare("mse", *outputs, 0, library, 0);
    c.compare("mae", *outputs, 1, library, 1);
    c.compare("psnr", *outputs, 2, library, 2);
    Outputs o(c.random);
    c.expect_refusal("a workspace that is too small", [&] {
        limen::cuda::mse(c.x(), c.y(), reduction, o.scores(count, dtype), o.workspace(bytes - 1), nullptr);
    });
}

}  // namespace check
