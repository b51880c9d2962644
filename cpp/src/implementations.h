#pragma once

#include "kernels.h"

namespace limen::detail {

/// The kernels in use. `is_reference`: only double_precision is there, and it reads every number type.
struct Implementation {
    const char* name;
    const Kernels* kernels;
    bool is_reference;
};

const Implementation& current_implementation();

}  // namespace limen::detail
