// Every kernel of one instruction set. The including file defines LIMEN_KERNELS, the name of the table, and is compiled for the
// instruction set; all code is in anonymous namespaces, so that the table is the only symbol.
#include "moments.h"
#include "save.h"

#include "forward.inl"
#include "gradient.inl"
#include "halve.inl"
#include "pixel_errors.inl"

namespace limen::detail {

extern const Kernels LIMEN_KERNELS = {
    {forward<float>, gradient<float>, halve<float>, expand<float>, errors<float>},
    {forward<double>, gradient<double>, halve<double>, expand<double>, errors<double>},
};

}  // namespace limen::detail
