// CUDA's vector types, with its alignments: a misaligned access is undefined behaviour that UndefinedBehaviorSanitizer reports.
#pragma once

#define LIMEN_VECTOR_TYPES(name, scalar, align2, align4)                              \
    struct alignas(align2) name##2 { scalar x, y; };                                  \
    struct name##3 { scalar x, y, z; };                                               \
    struct alignas(align4) name##4 { scalar x, y, z, w; };                            \
    inline name##2 make_##name##2(scalar x, scalar y) { return {x, y}; }              \
    inline name##3 make_##name##3(scalar x, scalar y, scalar z) { return {x, y, z}; } \
    inline name##4 make_##name##4(scalar x, scalar y, scalar z, scalar w) { return {x, y, z, w}; }

LIMEN_VECTOR_TYPES(char, signed char, 2, 4)
LIMEN_VECTOR_TYPES(uchar, unsigned char, 2, 4)
LIMEN_VECTOR_TYPES(short, short, 4, 8)
LIMEN_VECTOR_TYPES(ushort, unsigned short, 4, 8)
LIMEN_VECTOR_TYPES(int, int, 8, 16)
LIMEN_VECTOR_TYPES(uint, unsigned int, 8, 16)
LIMEN_VECTOR_TYPES(longlong, long long, 16, 16)
LIMEN_VECTOR_TYPES(ulonglong, unsigned long long, 16, 16)
LIMEN_VECTOR_TYPES(float, float, 8, 16)
LIMEN_VECTOR_TYPES(double, double, 16, 16)

#undef LIMEN_VECTOR_TYPES

struct dim3 {
    unsigned x = 1, y = 1, z = 1;

    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};
