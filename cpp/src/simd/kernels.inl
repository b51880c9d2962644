// Every kernel of one instruction set. The including file defines LIMEN_KERNELS, the name of the table, and is compiled for the
// instruction set; all code is in anonymous namespaces, so that the table is the only symbol.
#include "features.h"
#include "moments.h"
#include "save.h"

#include "feature_distance.inl"
#include "feature_gradient.inl"
#include "forward.inl"
#include "gradient.inl"
#include "halve.inl"
#include "pixel_errors.inl"

namespace limen::detail {

extern const Kernels LIMEN_KERNELS = {
    {forward<float>, gradient<float>, halve<float>, expand<float>, errors<float>, feature_distance<float>,
     feature_gradient<float>},
    {forward<double>, gradient<double>, halve<double>, expand<double>, errors<double>, feature_distance<double>,
     feature_gradient<double>},
};

}  // namespace limen::detail
