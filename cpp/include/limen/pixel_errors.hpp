#pragma once

#include <limen/image.hpp>

namespace limen {

/// Mean squared error. Arguments as in ssim().
void mse(const ImageView& x, const ImageView& y, Reduction reduction, double* scores);

/// Mean absolute error.
void mae(const ImageView& x, const ImageView& y, Reduction reduction, double* scores);

/// Peak signal-to-noise ratio in decibels, 10 log10(data_range^2 / mse) of each image (or channel); infinite for equal ones.
void psnr(const ImageView& x, const ImageView& y, double data_range, Reduction reduction, double* scores);

}  // namespace limen
