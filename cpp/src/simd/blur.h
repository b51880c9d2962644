// One-dimensional windowed sums along a run of vectors: the hot loop of everything.
#pragma once

#include "../kernels.h"
#include "vec.h"

namespace {

using namespace limen::detail;

// Half of a symmetric window, divided by its middle tap: that one is then an addition. Sums lack the factor `middle`.
template <class T>
struct Taps {
    T tap[kMaxReach + 1];  // tap[0] is not used
    double middle;
    int reach;
};

template <class T>
LIMEN_INLINE Taps<T> taps_of(const Window& window) {
    Taps<T> taps;
    taps.reach = window.reach;
    taps.middle = window.tap[0];
    for (int k = 1; k <= window.reach; k++) taps.tap[k] = static_cast<T>(window.tap[k] / window.tap[0]);
    return taps;
}

// out[i] = in[i + reach] + sum over k > 0 of tap[k] * (in[i + reach - k] + in[i + reach + k]): `Count` outputs from Count + 2 reach
// inputs. R is the reach where it is known when compiling, else -1. Five multiply-adds and five adds for 11 taps: the number of
// instructions of a plain sum, but half of them go to the adders of a processor that has some beside its multipliers.
template <class T, int R, int Count, class Load>
LIMEN_INLINE void blur_run(const Taps<T>& taps, const Load& in, Vec<T> (&out)[Count]) {
    if constexpr (R >= 0) {
        Vec<T> v[Count + 2 * R];
#pragma GCC unroll 64
        for (int i = 0; i < Count + 2 * R; i++) v[i] = in(i);
#pragma GCC unroll 64
        for (int i = 0; i < Count; i++) {
            out[i] = v[i + R];
#pragma GCC unroll 64
            for (int k = R; k > 0; k--) out[i] += taps.tap[k] * (v[i + R - k] + v[i + R + k]);
        }
    } else {
        const int reach = taps.reach;
        for (int i = 0; i < Count; i++) out[i] = in(i + reach);
        for (int k = 1; k <= reach; k++) {
            const Vec<T> tap = broadcast(taps.tap[k]);
            for (int i = 0; i < Count; i++) out[i] += tap * (in(i + reach - k) + in(i + reach + k));
        }
    }
}

}  // namespace
