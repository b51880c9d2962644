// test_planted <fault>: runs the kernel with that fault under all schedules. A sanitizer ends the process with its report; what the emulator
// finds is printed, status 1; results that are wrong or differ are said to be, status 2.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "fault.h"
#include "planted.h"
#include "schedule.h"

namespace {

using planted::Plant;

// A multiple of a power of two, so that sums are exact in any order.
float input(std::size_t i) { return static_cast<float>(i * 2654435761u % 4096) / 64; }

int run(Plant plant) {
    std::vector<float> in(planted::kInputs), first;
    for (std::size_t i = 0; i < in.size(); i++) in[i] = input(i);
    for (unsigned number = 0; number < 8; number++) {
        cuda_emulation::set_schedule(cuda_emulation::schedule(number));
        std::vector<float> out(planted::kOutputs, std::numeric_limits<float>::quiet_NaN());
        planted::run(in.data(), out.data(), plant);
        if (first.empty()) first = out;
        for (std::size_t i = 0; i < out.size(); i++) {
            if (std::bit_cast<std::uint32_t>(out[i]) == std::bit_cast<std::uint32_t>(first[i]) &&
                out[i] == planted::expected(in.data(), i))
                continue;
            std::printf("schedule %u gives %g at %zu, not %g\n", number, static_cast<double>(out[i]), i,
                        static_cast<double>(planted::expected(in.data(), i)));
            return 2;
        }
    }
    return 0;
}

}  // namespace

int main(int, char** arguments) {
    for (int i = 0; i < static_cast<int>(Plant::count); i++) {
        const auto plant = static_cast<Plant>(i);
        if (std::strcmp(arguments[1], name(plant)) != 0) continue;
        try {
            return run(plant);
        } catch (const cuda_emulation::Fault& fault) {
            std::printf("Fault: %s\n", fault.what());
            return 1;
        }
    }
    std::printf("there is no fault called %s\n", arguments[1]);
    return 64;
}
