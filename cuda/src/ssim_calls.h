// The calls that SSIM and its loss fused with L1 share: scores, maps and gradients of
//
//     (1 - weight) * mean |x - y| + weight * (1 - SSIM)
//
// or of SSIM itself.
#pragma once

#include "launch.h"

namespace limen::cuda {

struct SsimCall {
    const ImageView& x;
    const ImageView& y;
    double data_range;
    const Convention& convention;
    Reduction reduction;
    bool with_absolute = false;  // else SSIM alone
    double weight = 1;
    const Scores* scores = nullptr;
    const OutputView* map = nullptr;
    const OutputView* grad_x = nullptr;
    const OutputView* grad_y = nullptr;
    const ImageView* weights = nullptr;  // of positions
    const Upstream* upstream = nullptr;
    double factor = 1;
};

std::size_t forward_bytes(const ImageView& x, double data_range, const Convention& convention, bool with_absolute);
std::size_t gradient_bytes(const ImageView& x, double data_range, const Convention& convention, bool with_absolute);

/// Scores and the map.
void run_forward(const SsimCall& call, const Workspace& workspace, cudaStream_t stream);

/// Gradients, of at least one image, and scores.
void run_gradient(const SsimCall& call, const Workspace& workspace, cudaStream_t stream);

}  // namespace limen::cuda
