#include "reference.h"

namespace limen::detail {

const Kernels reference_kernels = {
    {},
    {reference_forward, reference_gradient, reference_halve, reference_expand, reference_errors,
     reference_feature_distance, reference_feature_gradient},
};

}  // namespace limen::detail
