// What a kernel did that CUDA does not define.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace cuda_emulation {

using Where = std::source_location;

/// Thrown by the launch of a kernel. The message names the launch, block, thread, construct and line.
class Fault : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Ends the kernel that the calling thread of it runs.
[[noreturn]] void fault(const std::string& what, const Where& where);

/// "ssim.cu:120"
std::string text(const Where& where);

}  // namespace cuda_emulation
