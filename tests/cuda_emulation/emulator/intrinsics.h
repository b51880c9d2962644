// Functions of one thread that CUDA has beside those of <cmath>.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

template <class T>
inline T __ldg(const T* p) {
    return *p;
}
template <class T>
inline T __ldcs(const T* p) {
    return *p;
}
template <class T>
inline void __stcs(T* p, T value) {
    *p = value;
}

inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1 / a; }
inline float rsqrtf(float a) { return 1 / std::sqrt(a); }

inline unsigned __float_as_uint(float f) { return std::bit_cast<unsigned>(f); }
inline int __float_as_int(float f) { return std::bit_cast<int>(f); }
inline float __uint_as_float(unsigned u) { return std::bit_cast<float>(u); }
inline float __int_as_float(int i) { return std::bit_cast<float>(i); }
inline int __popc(unsigned u) { return std::popcount(u); }
inline int __clz(int i) { return std::countl_zero(static_cast<unsigned>(i)); }
inline int __ffs(int i) { return i ? std::countr_zero(static_cast<unsigned>(i)) + 1 : 0; }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(std::uint64_t{a} * b >> 32); }

/// The four of the eight bytes of `low` and `high` that the selector's digits name.
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
    const std::uint64_t bytes = std::uint64_t{high} << 32 | low;
    unsigned out = 0;
    for (unsigned i = 0; i < 4; i++) out |= static_cast<unsigned>(bytes >> (selector >> 4 * i & 7) * 8 & 0xff) << 8 * i;
    return out;
}

// Of the overloads that CUDA has, those without surprises: both arguments of one type. A NaN loses, as in fminf and fmaxf.
#define LIMEN_MIN_MAX(type)                                   \
    inline type min(type a, type b) { return b < a ? b : a; } \
    inline type max(type a, type b) { return a < b ? b : a; }
LIMEN_MIN_MAX(int)
LIMEN_MIN_MAX(unsigned)
LIMEN_MIN_MAX(long)
LIMEN_MIN_MAX(unsigned long)
LIMEN_MIN_MAX(long long)
LIMEN_MIN_MAX(unsigned long long)
#undef LIMEN_MIN_MAX
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }
