// What the gradients of all metrics have in common.
#pragma once

#include "check.h"

namespace check {

struct GradientCall {
    limen::Reduction reduction;
    const limen::cuda::Scores* scores;
    const limen::OutputView* grad_x;
    const limen::OutputView* grad_y;
    const limen::cuda::Upstream* upstream;
    double factor;
    limen::cuda::Workspace workspace;
};

/// Scores, and gradients as the library's functions give them, float64.
struct LibraryGradients {
    Numbers scores, x, y;
};

/// Draws which outputs are wanted, of which dtype, and what comes from upstream; runs and compares. `weighted`: gradients are those of
/// a sum over positions, not of a mean.
void check_gradients(CudaCase& c, std::size_t workspace_bytes, const std::function<void(const GradientCall&)>& kernels,
                     const std::function<LibraryGradients(limen::Reduction)>& library, bool weighted = false);

/// From a function of the library that fills scores and gradients.
LibraryGradients library_gradients(
    const CudaCase& c, std::size_t scores,
    const std::function<void(double*, const limen::OutputView*, const limen::OutputView*)>& call);

}  // namespace check
