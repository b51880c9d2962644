// Single elements of the caller's memory as double, for everything that isn't hot.
#pragma once

#include <bit>
#include <cstdint>

#include <limen/dtype.hpp>

namespace limen::detail {

double half_to_double(std::uint16_t bits);
std::uint16_t double_to_half(double value);
std::uint16_t double_to_bfloat(double value);

inline double read_number(const void* data, DType dtype, std::int64_t at) {
    switch (dtype) {
        case DType::uint8: return static_cast<const std::uint8_t*>(data)[at];
        case DType::uint16: return static_cast<const std::uint16_t*>(data)[at];
        case DType::float16: return half_to_double(static_cast<const std::uint16_t*>(data)[at]);
        case DType::bfloat16:
            return static_cast<double>(
                std::bit_cast<float>(static_cast<std::uint32_t>(static_cast<const std::uint16_t*>(data)[at]) << 16));
        case DType::float32: return static_cast<double>(static_cast<const float*>(data)[at]);
        case DType::float64: return static_cast<const double*>(data)[at];
    }
    return 0;
}

inline void write_number(void* data, DType dtype, std::int64_t at, double value) {
    switch (dtype) {
        case DType::float16: static_cast<std::uint16_t*>(data)[at] = double_to_half(value); break;
        case DType::bfloat16: static_cast<std::uint16_t*>(data)[at] = double_to_bfloat(value); break;
        case DType::float64: static_cast<double*>(data)[at] = value; break;
        default: static_cast<float*>(data)[at] = static_cast<float>(value); break;
    }
}

}  // namespace limen::detail
