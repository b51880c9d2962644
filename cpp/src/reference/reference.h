#pragma once

#include "../kernels.h"

namespace limen::detail {

/// The written definition: sums over the square window in double, nothing separable, nothing centred. Fills double_precision only
/// and reads every number type.
extern const Kernels reference_kernels;

void reference_forward(const ForwardTask&);
void reference_gradient(const GradientTask&);
void reference_halve(const HalveTask&);
void reference_expand(const ExpandTask&);
void reference_errors(const ErrorTask&);
void reference_feature_distance(const FeatureTask&);
void reference_feature_gradient(const FeatureGradientTask&);

}  // namespace limen::detail
