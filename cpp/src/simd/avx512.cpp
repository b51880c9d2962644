#define LIMEN_KERNELS avx512_kernels
#include "kernels.inl"
