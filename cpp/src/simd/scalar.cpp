#define LIMEN_KERNELS scalar_kernels
#include "kernels.inl"
