#define LIMEN_KERNELS neon_kernels
#include "kernels.inl"
