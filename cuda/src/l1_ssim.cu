#include "ssim_calls.h"

namespace limen::cuda {

std::size_t l1_ssim_workspace_bytes(const ImageView& x, double data_range, const Convention& convention) {
    return forward_bytes(x, data_range, convention, true);
}

void l1_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention, double weight,
             Reduction reduction, const Scores& scores, const Workspace& workspace, void* stream) {
    SsimCall call = {x, y, data_range, convention, reduction, true, weight};
    call.scores = &scores;
    run_forward(call, workspace, static_cast<cudaStream_t>(stream));
}

std::size_t l1_ssim_gradient_workspace_bytes(const ImageView& x, double data_range, const Convention& convention) {
    return gradient_bytes(x, data_range, convention, true);
}

void l1_ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                      double weight, Reduction reduction, const Scores* scores, const OutputView* grad_x,
                      const OutputView* grad_y, const Upstream* upstream, double factor, const Workspace& workspace,
                      void* stream) {
    if (!grad_x && !grad_y) {
        if (scores) l1_ssim(x, y, data_range, convention, weight, reduction, *scores, workspace, stream);
        return;
    }
    const bool exchanged = !grad_x;  // the loss is symmetric, too
    SsimCall call = {exchanged ? y : x, exchanged ? x : y, data_range, convention, reduction, true, weight};
    call.scores = scores;
    call.grad_x = exchanged ? grad_y : grad_x;
    call.grad_y = exchanged ? nullptr : grad_y;
    call.upstream = upstream;
    call.factor = factor;
    run_gradient(call, workspace, static_cast<cudaStream_t>(stream));
}

}  // namespace limen::cuda
