#pragma once

namespace limen {

/// Number types of the caller's memory. float64 is computed in float64, every other type in float32.
enum class DType : unsigned char { uint8, uint16, float16, bfloat16, float32, float64 };

}  // namespace limen
