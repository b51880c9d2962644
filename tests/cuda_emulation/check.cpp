// check_cuda <family> <cases> <schedules> [first case]
#include "check.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limen/runtime.hpp>

namespace {

constexpr struct {
    const char* name;
    void (*check)(check::CudaCase&);
} families[] = {
    {"pixel_errors", check::check_pixel_errors},
    {"ssim", check::check_ssim},
    {"ssim_gradient", check::check_ssim_gradient},
    {"ms_ssim", check::check_ms_ssim},
    {"ms_ssim_gradient", check::check_ms_ssim_gradient},
    {"l1_ssim", check::check_l1_ssim},
    {"l1_ssim_gradient", check::check_l1_ssim_gradient},
    {"features", check::check_features},
    {"refusals", check::check_refusals},
};

int usage() {
    std::puts("usage: check_cuda FAMILY CASES SCHEDULES [FIRST]\nfamilies:");
    for (const auto& family : families) std::printf("  %s\n", family.name);
    return 64;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 4) return usage();
    for (const auto& family : families) {
        if (std::strcmp(arguments[1], family.name) != 0) continue;
        const int first = count > 4 ? std::atoi(arguments[4]) : 0, cases = std::atoi(arguments[2]);
        limen::set_num_threads(1);  // others run beside
        int failures = 0;
        double worst = 0;
        for (int i = first; i < first + cases; i++) {
            check::CudaCase c(family.name, i, static_cast<unsigned>(std::atoi(arguments[3])));
            try {
                family.check(c);
            } catch (const std::exception& error) {
                c.expect(false, error.what());
            }
            if (c.worst() > worst) worst = c.worst();
            if (c.failed()) std::printf("%s case %d:%s\n", family.name, i, c.text().c_str());
            failures += c.failed();
        }
        std::printf("%s: %d cases, %d failures, largest error %.2f of what is allowed\n", family.name, cases, failures,
                    worst);
        return failures > 0;
    }
    return usage();
}
