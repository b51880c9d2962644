/// limen on CUDA devices: the operations of limen.hpp over device memory.
///
/// Image, output and score pointers are device memory of the current device; views, conventions and everything else are the caller's
/// own, as in the functions of the same name in namespace limen, whose documentation holds here too. Functions only start work on
/// `stream` (a cudaStream_t; null is the default stream): they don't wait, allocate nothing, and can be captured in a CUDA graph.
/// Their working memory is the caller's, of the size that `..._workspace_bytes` tells, and free again when the stream has come past
/// the call. Results repeat bit for bit and don't depend on the device.
///
/// std::invalid_argument on misuse, before anything is started; limen::cuda::Error when CUDA refuses.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <limen/convention.hpp>
#include <limen/image.hpp>

namespace limen::cuda {

/// What CUDA answers, with its number (a cudaError_t).
class Error : public std::runtime_error {
  public:
    Error(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
    int code() const { return code_; }

  private:
    int code_;
};

/// The GPUs that this process sees, in the order of their numbers: name and compute capability. None where there is no driver for this
/// build, or no GPU.
std::vector<std::string> devices();

/// Scores that a function fills, side by side: one for each image, or with Reduction::channels for each channel of each.
/// float32 or float64.
struct Scores {
    void* data = nullptr;
    DType dtype = DType::float32;
};

/// Factors of the gradients, one for each score: what an automatic differentiation hands down. float32 or float64.
struct Upstream {
    const void* data = nullptr;
    DType dtype = DType::float32;
};

/// A number for each channel, side by side: float32 or float64. They have to be finite and from 0 on, which nobody checks.
struct ChannelWeights {
    const void* data = nullptr;
    DType dtype = DType::float32;
};

struct Workspace {
    void* data = nullptr;
    std::size_t bytes = 0;
};

/// `scores` may be null where only gradients are wanted.
/// @{
std::size_t ssim_workspace_bytes(const ImageView& x, double data_range, const Convention& convention);
void ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention, Reduction reduction,
          const Scores& scores, const OutputView* map, const Workspace& workspace, void* stream);

std::size_t ssim_gradient_workspace_bytes(const ImageView& x, double data_range, const Convention& convention);
void ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                   Reduction reduction, const Scores* scores, const OutputView* grad_x, const OutputView* grad_y,
                   const ImageView* weights, const Upstream* upstream, double factor, const Workspace& workspace,
                   void* stream);
/// @}

/// `scales`, if given, as in limen::ms_ssim(): convention.scales numbers for every score.
///
/// `state` is memory like the workspace, of ms_ssim_state_bytes(). What ms_ssim() leaves there, the coarser scales and the means of all,
/// ms_ssim_gradient() need not compute again for the same images, data range and convention: two thirds of a float32 image more
/// memory, a sweep less.
/// @{
std::size_t ms_ssim_workspace_bytes(const ImageView& x, double data_range, const Convention& convention);
std::size_t ms_ssim_state_bytes(const ImageView& x, double data_range, const Convention& convention);
void ms_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
             Reduction reduction, const Scores& scores, const Scores* scales, const Workspace& workspace, void* stream,
             const Workspace* state = nullptr);

std::size_t ms_ssim_gradient_workspace_bytes(const ImageView& x, double data_range, const Convention& convention);
void ms_ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                      Reduction reduction, const Scores* scores, const OutputView* grad_x, const OutputView* grad_y,
                      const Upstream* upstream, double factor, const Workspace& workspace, void* stream,
                      const Workspace* state = nullptr);
/// @}

/// The loss (1 - weight) * mean |x - y| + weight * (1 - SSIM) in one sweep.
/// @{
std::size_t l1_ssim_workspace_bytes(const ImageView& x, double data_range, const Convention& convention);
void l1_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention, double weight,
             Reduction reduction, const Scores& scores, const Workspace& workspace, void* stream);

std::size_t l1_ssim_gradient_workspace_bytes(const ImageView& x, double data_range, const Convention& convention);
void l1_ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                      double weight, Reduction reduction, const Scores* scores, const OutputView* grad_x,
                      const OutputView* grad_y, const Upstream* upstream, double factor, const Workspace& workspace,
                      void* stream);
/// @}

/// `weight`, `map` and `state` may be null. A map of features has at most 2^31 - 257 positions.
/// @{
std::size_t feature_distance_workspace_bytes(const ImageView& f0);
void feature_distance(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight, const Scores& scores,
                      const OutputView* map, const OutputView* state, const Workspace& workspace, void* stream);

/// `grad_weight`, if given, receives a number for each channel; `of_weight` says whether it will be.
std::size_t feature_distance_gradient_workspace_bytes(const ImageView& f0, bool of_weight);
void feature_distance_gradient(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight,
                               const ImageView& state, const ImageView& upstream, const OutputView* grad_f0,
                               const OutputView* grad_f1, const Scores* grad_weight, const Workspace& workspace,
                               void* stream);
/// @}

std::size_t pixel_errors_workspace_bytes(const ImageView& x);
void mse(const ImageView& x, const ImageView& y, Reduction reduction, const Scores& scores, const Workspace& workspace,
         void* stream);
void mae(const ImageView& x, const ImageView& y, Reduction reduction, const Scores& scores, const Workspace& workspace,
         void* stream);
void psnr(const ImageView& x, const ImageView& y, double data_range, Reduction reduction, const Scores& scores,
          const Workspace& workspace, void* stream);

}  // namespace limen::cuda
