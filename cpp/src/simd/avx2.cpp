#define LIMEN_KERNELS avx2_kernels
#include "kernels.inl"
