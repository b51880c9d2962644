// How the formulas are compiled: inlined by every compiler, on both sides of CUDA.
#pragma once

#if defined(__CUDACC__)
#define LIMEN_MATH __host__ __device__ __forceinline__
#else
#define LIMEN_MATH __attribute__((always_inline)) inline
#endif
