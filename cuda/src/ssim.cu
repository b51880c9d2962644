#include "ssim_calls.h"

namespace limen::cuda {

std::size_t ssim_workspace_bytes(const ImageView& x, double data_range, const Convention& convention) {
    return forward_bytes(x, data_range, convention, false);
}

void ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention, Reduction reduction,
          const Scores& scores, const OutputView* map, const Workspace& workspace, void* stream) {
    SsimCall call = {x, y, data_range, convention, reduction};
    call.scores = &scores;
    call.map = map;
    run_forward(call, workspace, static_cast<cudaStream_t>(stream));
}

std::size_t ssim_gradient_workspace_bytes(const ImageView& x, double data_range, const Convention& convention) {
    return gradient_bytes(x, data_range, convention, false);
}

void ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                   Reduction reduction, const Scores* scores, const OutputView* grad_x, const OutputView* grad_y,
                   const ImageView* weights, const Upstream* upstream, double factor, const Workspace& workspace,
                   void* stream) {
    if (!grad_x && !grad_y) {
        if (scores) ssim(x, y, data_range, convention, reduction, *scores, nullptr, workspace, stream);
        return;
    }
    // SSIM is symmetric: the gradient of y alone is that of x with the images exchanged.
    const bool exchanged = !grad_x;
    SsimCall call = {exchanged ? y : x, exchanged ? x : y, data_range, convention, reduction};
    call.scores = scores;
    call.grad_x = exchanged ? grad_y : grad_x;
    call.grad_y = exchanged ? nullptr : grad_y;
    call.weights = weights;
    call.upstream = upstream;
    call.factor = factor;
    run_gradient(call, workspace, static_cast<cudaStream_t>(stream));
}

}  // namespace limen::cuda
