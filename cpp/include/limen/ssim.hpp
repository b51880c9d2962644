#pragma once

#include <limen/convention.hpp>
#include <limen/image.hpp>

namespace limen {

/// SSIM (Wang et al. 2004), the mean over positions of l * cs with
///
///     l  = (2 mu_x mu_y + C1) / (mu_x^2 + mu_y^2 + C1)     cs = (2 s_xy + C2) / (s_xx + s_yy + C2)
///
/// of windowed means and (co)variances, C1 = (k1 L)^2, C2 = (k2 L)^2, where L = `data_range` is the distance between the largest
/// and the smallest value a pixel can take (255 for uint8): from 1e-70 to 1e70, for dtypes narrower than float32 from 1e-7 to 1e8.
///
/// The views agree in dtype and shape. `scores` has room for batch (Reduction::image) or batch * channels numbers. `map`, if
/// given, receives l * cs at every position: the images' batch and channels, height and width from Convention::map_size. A NaN
/// or infinite pixel makes its score NaN. Throws std::invalid_argument on misuse, std::bad_alloc when working memory (a few hundred
/// kilobytes a thread, whatever the image) is not to be had.
void ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention, Reduction reduction,
          double* scores, const OutputView* map = nullptr);

/// The mean score of the batch.
double ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention = {});

/// Scores as ssim() gives, and the gradient of each score with respect to its own pixels. Either gradient may be null; they have
/// the images' shape. `weights`, if given (one number per position and channel, shaped as the map, float64 for float64 images, else
/// float32), replaces the mean over positions in the gradients: that of the weighted sum of the map comes out. `factor` multiplies
/// both. Two gradients cost about a third more than one.
void ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                   Reduction reduction, double* scores, const OutputView* grad_x, const OutputView* grad_y,
                   const ImageView* weights = nullptr, double factor = 1);

}  // namespace limen
