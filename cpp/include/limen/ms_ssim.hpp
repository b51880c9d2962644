#pragma once

#include <limen/convention.hpp>
#include <limen/image.hpp>

namespace limen {

/// Multi-scale SSIM (Wang et al. 2003): the product over scales of v_j^w_j, where v_j is the mean of cs at scale j, and of l * cs
/// at the last; each scale halves the one before.
///
/// Arguments as in ssim(). `scales`, if given, receives convention.scales numbers v_j for every score. Conventions without
/// padding need a short side that still holds a window at the last scale (161 for the defaults); less is an std::invalid_argument
/// that says so. The score and its gradient are finite whatever the sign of v_j.
void ms_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
             Reduction reduction, double* scores, double* scales = nullptr);

/// The mean score of the batch.
double ms_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention = {});

/// Scores, and the gradient of each with respect to its own pixels, times `factor`. Working memory: about a third of the images and gradients of
/// the planes in work, for the coarser scales.
void ms_ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                      Reduction reduction, double* scores, const OutputView* grad_x, const OutputView* grad_y,
                      double factor = 1);

}  // namespace limen
