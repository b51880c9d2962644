#include "numbers.h"

#include <cmath>
#include <limits>

namespace limen::detail {

double half_to_double(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    const double magnitude =
        exponent == 31 ? (mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity())
        : exponent     ? std::ldexp(1024 + mantissa, exponent - 25)
                       : std::ldexp(mantissa, -24);
    return bits & 0x8000 ? -magnitude : magnitude;
}

std::uint16_t double_to_half(double value) {
    const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    if (std::isnan(value)) return sign | 0x7e00;
    const double magnitude = std::fabs(value);
    if (magnitude == 0) return sign;  // frexp gives it the exponent of numbers near one
    if (magnitude >= 65520) return sign | 0x7c00;
    // Numbers are spaced 2^(exponent - 11), and 2^-24 at the least; rounding is to nearest, ties to even.
    int exponent;
    std::frexp(magnitude, &exponent);
    const int spacing = std::fmax(exponent - 11, -24);
    const int steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, -spacing)));
    return static_cast<std::uint16_t>(sign | (steps + (spacing + 24) * 1024));
}

std::uint16_t double_to_bfloat(double value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
    return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace limen::detail
