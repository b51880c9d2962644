#pragma once

#include <span>

#include <limen/image.hpp>

namespace limen {

/// Numbers of every position that feature_distance_gradient() needs beside the features.
constexpr int feature_state_size = 6;

/// The distance of two maps of features, one layer of LPIPS (Zhang et al. 2018): the mean over positions of
///
///     sum over channels of w (f0 / (|f0| + e) - f1 / (|f1| + e))^2     |f| = square root of the sum over channels of f^2     e = 1e-10
///
/// A feature vector of zeros is normalised to zeros. The views agree in shape and in dtype, which is floating-point; each may have its
/// own strides. `weight` holds a number for each channel, not negative and finite in float32; null means ones, and the distance of a
/// position is then 2 (1 - cosine). `scores` has room for batch numbers. `map`, if given, receives the distance of every position: the
/// features' batch, height and width, one channel, float32 or float64. `state`, if given, receives what feature_distance_gradient()
/// needs: batch, feature_state_size channels, height and width, float64 for float64 features, else float32.
///
/// A NaN or infinite feature makes its position and the score NaN. Throws std::invalid_argument on misuse, std::bad_alloc when
/// working memory (less than a hundred kilobytes a thread) is not to be had.
void feature_distance(const ImageView& f0, const ImageView& f1, const double* weight, double* scores,
                      const OutputView* map = nullptr, const OutputView* state = nullptr);

/// The mean distance of the batch.
double feature_distance(const ImageView& f0, const ImageView& f1, const double* weight = nullptr);

/// What feature_distance() takes.
struct FeatureLayer {
    ImageView f0, f1;
    const double* weight = nullptr;
    double* scores = nullptr;
    const OutputView* map = nullptr;
    const OutputView* state = nullptr;
};

/// feature_distance() of several layers, whose shapes and dtypes may differ: the same numbers, in less time, since threads start once.
void feature_distances(std::span<const FeatureLayer> layers);

/// Gradients of the sum over all positions of `upstream` times the position's distance: 1 / (height * width) gives those of the scores.
///
/// Features and weight as they were given to feature_distance(), and the state that it left. `upstream` has the features' batch, height
/// and width and one channel, float32 or float64; a stride of zero repeats one factor. Each of `grad_f0`, `grad_f1` (of the features'
/// shape, any floating type) and `grad_weight` (a number for each channel, overwritten) may be null. A feature vector of zeros has the
/// gradient zero.
void feature_distance_gradient(const ImageView& f0, const ImageView& f1, const double* weight, const ImageView& state,
                               const ImageView& upstream, const OutputView* grad_f0, const OutputView* grad_f1,
                               double* grad_weight = nullptr);

/// What feature_distance_gradient() takes.
struct FeatureGradientLayer {
    ImageView f0, f1;
    const double* weight = nullptr;
    ImageView state, upstream;
    const OutputView* grad_f0 = nullptr;
    const OutputView* grad_f1 = nullptr;
    double* grad_weight = nullptr;
};

/// feature_distance_gradient() of several layers, as feature_distances() is of feature_distance().
void feature_distance_gradients(std::span<const FeatureGradientLayer> layers);

}  // namespace limen
