#include "planted.h"

#include <cmath>

#include "device.h"

namespace planted {
namespace {

using namespace limen::cuda;

struct Params {
    const float* in;
    float* out;
    Plant plant;
};

// The largest sum of three neighbours among the 32 of a warp, less its own and that of the lane beside.
__global__ void __launch_bounds__(kThreads) kernel(const __grid_constant__ Params p) {
    const auto planted = [&](Plant plant) { return p.plant == plant; };
    const Gates gates(shared_memory<Gate>());
    float* const row = shared_memory<float>() + 4;  // kThreads + 1 inputs, then sums
    float* const next = row + kThreads + 4;         // the inputs from the second on
    const int t = static_cast<int>(threadIdx.x);
    const float* const in = p.in + std::size_t{blockIdx.x} * kThreads;
    float* const out = p.out + std::size_t{blockIdx.x} * kThreads;

    if (t == 0 && !planted(Plant::closed_gate)) gates.open(0);
    if (planted(Plant::early_exit) && t == 70) return;
    const int over = planted(Plant::copy_overrun) && blockIdx.x == kBlocks - 1 ? 1 : 0;
    if (planted(Plant::misaligned_copy)) copy_async<8>(row + 2 * (t / 2) + 1, in + 2 * (t / 2));
    copy_async<4>(&row[t], &in[t]);
    if (t == 0) copy_async<4>(&row[kThreads], &in[kThreads + over]);
    copy_async_commit();
    copy_async<4>(&next[t], &in[t + 1]);
    copy_async_commit();
    if (planted(Plant::short_wait)) copy_async_wait<1>();
    else if (!planted(Plant::late_wait)) copy_async_wait<0>();
    if (planted(Plant::skipped_barrier)) {
        if (t % 2 == 0) __syncthreads();
    } else if (planted(Plant::divergent_barrier)) {
        if (t < kThreads / 2) __syncthreads();
        else __syncthreads();
    } else if (!planted(Plant::shared_race)) {
        __syncthreads();
    }

    float sum = row[t] + row[t + 1] + next[t];
    if (planted(Plant::late_wait) || planted(Plant::short_wait)) copy_async_wait<0>();
    if (planted(Plant::uninitialised) && t == 5) sum += next[kThreads];
    if (planted(Plant::shared_overrun) && t == 5) sum += next[kThreads + 1];
    if (planted(Plant::shared_underrun) && t == 5) sum += row[-5];
    if (planted(Plant::global_read) && blockIdx.x == kBlocks - 1) sum += __ldg(&in[t + 2]);
    if (planted(Plant::misaligned_vector)) sum += reinterpret_cast<const float2*>(row + t)->x;
    if (planted(Plant::abandoned_copy)) copy_async<4>(&next[t], &in[t]);
    if (!planted(Plant::write_after_read)) __syncthreads();

    row[t] = sum;
    if (planted(Plant::skipped_syncwarp)) {
        if (t % 2 == 0) __syncwarp();
    } else if (!planted(Plant::warp_race)) {
        __syncwarp();
    }
    const float beside = row[t ^ 1];
    float most = sum;
    for (int lanes = 16; lanes > 0; lanes /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, lanes));
    if (planted(Plant::inactive_lane) && t % 32 < 16) most += __shfl_down_sync(0xffff, most, 1);
    if (planted(Plant::absent_lane) && t != 40) most += __shfl_down_sync(0xffffffff, most, 1);
    if (planted(Plant::foreign_mask)) most += __shfl_down_sync(0xffff, most, 1, 16);

    // The next warp's number, by way of the gate, less itself.
    next[t] = sum;
    if (!planted(Plant::lonely_gate) || t >= 32) gates.arrive(0);
    if (!planted(Plant::gate_race)) gates.wait(0, 0);
    float nothing = next[(t + 32) % kThreads];
    gates.arrive(0);
    gates.wait(0, planted(Plant::late_at_gate) ? 0 : 1);
    nothing -= next[(t + 32) % kThreads];

    out[t] = most - sum - beside + nothing;
    if (planted(Plant::global_race)) p.out[std::size_t{blockIdx.x} * kThreads] = most;
    if (planted(Plant::block_race) && t == 7) out[t] += p.out[(blockIdx.x + 1) % kBlocks * kThreads];
    if (planted(Plant::global_write) && blockIdx.x == kBlocks - 1) out[t + 1] = most;
}

}  // namespace

void run(const float* in, float* out, Plant plant) {
    const std::size_t shared = (4 + 2 * kThreads + 5) * sizeof(float);
    launch(kernel, dim3(kBlocks), dim3(kThreads), shared, cudaStream_t{}, Params{in, out, plant});
}

const char* name(Plant plant) {
    static constexpr const char* names[] = {
        "none",          "shared_race",     "write_after_read", "warp_race",         "global_race",
        "block_race",    "shared_overrun",  "shared_underrun",  "copy_overrun",      "global_read",
        "global_write",  "skipped_barrier", "skipped_syncwarp", "divergent_barrier", "early_exit",
        "late_wait",     "short_wait",      "abandoned_copy",   "misaligned_copy",   "misaligned_vector",
        "inactive_lane", "absent_lane",     "foreign_mask",     "gate_race",         "closed_gate",
        "lonely_gate",   "late_at_gate",    "uninitialised"};
    static_assert(sizeof names / sizeof *names == static_cast<std::size_t>(Plant::count));
    return names[static_cast<std::size_t>(plant)];
}

float expected(const float* in, std::size_t i) {
    const auto sum = [&](std::size_t k) { return in[k] + in[k + 1] + in[k + 1]; };
    const std::size_t warp = i / 32 * 32;
    float most = sum(warp);
    for (std::size_t k = warp; k < warp + 32; k++) most = std::fmax(most, sum(k));
    return most - sum(i) - sum(i ^ 1);
}

}  // namespace planted
