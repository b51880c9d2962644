// The only file that names a SIMD technology: GCC and Clang vector extensions, as wide as the instruction set this translation
// unit is compiled for. Vec<T> has the operators of a number; the rest is here.
#pragma once

#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LIMEN_INLINE __attribute__((always_inline)) inline
#define LIMEN_INLINE_LAMBDA __attribute__((always_inline))

namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

// Vec is for registers; memory that holds T is read and written through the aliasing twins.
template <class T>
struct VecTypes;
template <>
struct VecTypes<float> {
    typedef float Vec __attribute__((vector_size(kVectorBytes)));
    typedef float Aligned __attribute__((vector_size(kVectorBytes), may_alias));
    typedef float Unaligned __attribute__((vector_size(kVectorBytes), aligned(1), may_alias));
    typedef int32_t Bits __attribute__((vector_size(kVectorBytes)));
};
template <>
struct VecTypes<double> {
    typedef double Vec __attribute__((vector_size(kVectorBytes)));
    typedef double Aligned __attribute__((vector_size(kVectorBytes), may_alias));
    typedef double Unaligned __attribute__((vector_size(kVectorBytes), aligned(1), may_alias));
    typedef int64_t Bits __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vec = typename VecTypes<T>::Vec;
template <class T>
using Bits = typename VecTypes<T>::Bits;

template <class T>
LIMEN_INLINE Vec<T> load(const T* p) {
    return *reinterpret_cast<const typename VecTypes<T>::Aligned*>(p);
}
template <class T>
LIMEN_INLINE Vec<T> load_unaligned(const T* p) {
    return *reinterpret_cast<const typename VecTypes<T>::Unaligned*>(p);
}
template <class T>
LIMEN_INLINE void store(T* p, Vec<T> v) {
    *reinterpret_cast<typename VecTypes<T>::Aligned*>(p) = v;
}
template <class T>
LIMEN_INLINE void store_unaligned(T* p, Vec<T> v) {
    *reinterpret_cast<typename VecTypes<T>::Unaligned*>(p) = v;
}

constexpr int kLineBytes = 64;  // of the cache

// Writes memory without reading it into the cache first, which takes vectors of a whole line one after another.
#if defined(__AVX2__)
constexpr bool kWritesPastCache = true;
#if defined(__AVX512F__)
LIMEN_INLINE void store_past_cache(float* p, Vec<float> v) { _mm512_stream_ps(p, v); }
LIMEN_INLINE void store_past_cache(double* p, Vec<double> v) { _mm512_stream_pd(p, v); }
#else
LIMEN_INLINE void store_past_cache(float* p, Vec<float> v) { _mm256_stream_ps(p, v); }
LIMEN_INLINE void store_past_cache(double* p, Vec<double> v) { _mm256_stream_pd(p, v); }
#endif
LIMEN_INLINE void finish_past_cache() { _mm_sfence(); }
#else
constexpr bool kWritesPastCache = false;
template <class T>
LIMEN_INLINE void store_past_cache(T* p, Vec<T> v) {
    store(p, v);
}
LIMEN_INLINE void finish_past_cache() {}
#endif

template <class T>
LIMEN_INLINE Vec<T> broadcast(T value) {
    return Vec<T>{} + value;
}

// max(v, 0) that keeps NaN, so that a broken pixel shows in the score.
LIMEN_INLINE Vec<float> at_least_zero(Vec<float> v) {
#if defined(__AVX512F__)
    return _mm512_maskz_max_ps(0xffff, _mm512_setzero_ps(), v);  // GCC 12 warns about the unmasked one
#elif defined(__AVX2__)
    return _mm256_max_ps(_mm256_setzero_ps(), v);
#elif defined(__SSE2__)
    return _mm_max_ps(_mm_setzero_ps(), v);
#else
    return v < 0 ? Vec<float>{} : v;
#endif
}
LIMEN_INLINE Vec<double> at_least_zero(Vec<double> v) {
#if defined(__AVX512F__)
    return _mm512_maskz_max_pd(0xff, _mm512_setzero_pd(), v);
#elif defined(__AVX2__)
    return _mm256_max_pd(_mm256_setzero_pd(), v);
#elif defined(__SSE2__)
    return _mm_max_pd(_mm_setzero_pd(), v);
#else
    return v < 0 ? Vec<double>{} : v;
#endif
}

// a b + c, rounded once where the instruction set has it.
template <class V>
LIMEN_INLINE V multiply_add(V a, V b, V c) {
    return a * b + c;
}
#if defined(__AVX512F__)
LIMEN_INLINE Vec<float> multiply_add(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmadd_ps(a, b, c); }
LIMEN_INLINE Vec<double> multiply_add(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm512_fmadd_pd(a, b, c); }
#elif defined(__AVX2__)
LIMEN_INLINE Vec<float> multiply_add(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm256_fmadd_ps(a, b, c); }
LIMEN_INLINE Vec<double> multiply_add(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm256_fmadd_pd(a, b, c); }
#endif

// A product that isn't fused with the sum it goes into: processors with adders of their own take the sums of five squares in less time
// as additions.
template <class V>
LIMEN_INLINE V unfused(V product) {
#if defined(__AVX512F__)
    asm("" : "+v"(product));
#elif defined(__AVX2__)
    asm("" : "+x"(product));
#endif
    return product;
}

LIMEN_INLINE Vec<float> square_root(Vec<float> v) {
#if defined(__AVX512F__)
    return _mm512_maskz_sqrt_ps(0xffff, v);
#elif defined(__AVX2__)
    return _mm256_sqrt_ps(v);
#elif defined(__SSE2__)
    return _mm_sqrt_ps(v);
#else
    for (int i = 0; i < kLanes<float>; i++) v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}
LIMEN_INLINE Vec<double> square_root(Vec<double> v) {
#if defined(__AVX512F__)
    return _mm512_maskz_sqrt_pd(0xff, v);
#elif defined(__AVX2__)
    return _mm256_sqrt_pd(v);
#elif defined(__SSE2__)
    return _mm_sqrt_pd(v);
#else
    for (int i = 0; i < kLanes<double>; i++) v[i] = __builtin_sqrt(v[i]);
    return v;
#endif
}

// Whether any lane is set. Takes what comparing vectors gives.
template <class B>
LIMEN_INLINE bool any(B mask) {
    int64_t words[kVectorBytes / 8], set = 0;
    memcpy(words, &mask, sizeof words);
    for (const int64_t word : words) set |= word;
    return set != 0;
}

template <class V>
LIMEN_INLINE V divide(V a, V b) {
    return a / b;
}
template <class V>
LIMEN_INLINE V reciprocal(V v) {
    return 1 / v;
}
template <class V>
LIMEN_INLINE V quotient(V a, V, V inverse) {
    return a * inverse;
}

// kLanes<float> small integers as 32-bit ones. By name, since GCC 12 takes the conversion of a short vector apart.
LIMEN_INLINE Bits<float> widen(const uint8_t* p) {
#if defined(__AVX512F__)
    return reinterpret_cast<Bits<float>>(
        _mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(__AVX2__)
    return reinterpret_cast<Bits<float>>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
    return Bits<float>{p[0], p[1], p[2], p[3]};
#endif
}
LIMEN_INLINE Bits<float> widen(const uint16_t* p) {
#if defined(__AVX512F__)
    return reinterpret_cast<Bits<float>>(
        _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__AVX2__)
    return reinterpret_cast<Bits<float>>(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
    return Bits<float>{p[0], p[1], p[2], p[3]};
#endif
}

#if defined(__F16C__)
#define LIMEN_HAS_HALF_CONVERSIONS  // as every processor with AVX2
// kLanes<float> float16 numbers, and back, rounded to nearest.
LIMEN_INLINE Vec<float> from_halves(const uint16_t* p) {
#if defined(__AVX512F__)
    return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#else
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#endif
}
LIMEN_INLINE void to_halves(uint16_t* p, Vec<float> v) {
#if defined(__AVX512F__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtps_ph(0xffff, v, _MM_FROUND_TO_NEAREST_INT));
#else
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#endif
}
#endif

// The low halves of 32-bit integers that are not above 65535.
LIMEN_INLINE void narrow(uint16_t* p, Bits<float> v) {
#if defined(__AVX512F__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<__m512i>(v)));
#elif defined(__AVX2__)
    const __m256i both = _mm256_packus_epi32(reinterpret_cast<__m256i>(v), reinterpret_cast<__m256i>(v));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(_mm256_permute4x64_epi64(both, 0x08)));
#else
    for (int i = 0; i < kLanes<float>; i++) p[i] = static_cast<uint16_t>(v[i]);
#endif
}

}  // namespace
