#include "implementations.h"

#include "reference/reference.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include <limen/runtime.hpp>

namespace limen {
namespace detail {
namespace {

const std::vector<Implementation>& available() {
    static const std::vector<Implementation> list = [] {
        std::vector<Implementation> found = {{"reference", &reference_kernels, true},
                                             {"scalar", &scalar_kernels, false}};
#if defined(LIMEN_HAVE_AVX2)
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found.push_back({"avx2", &avx2_kernels, false});
#endif
#if defined(LIMEN_HAVE_AVX512)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found.push_back({"avx512", &avx512_kernels, false});
#endif
#if defined(LIMEN_HAVE_NEON)
        found.push_back({"neon", &neon_kernels, false});
#endif
        return found;
    }();
    return list;
}

const Implementation& named(std::string_view name, const char* where) {
    std::string names;
    for (const Implementation& i : available()) {
        if (name == i.name) return i;
        names += names.empty() ? i.name : std::string(", ") + i.name;
    }
    throw std::invalid_argument(std::string(where) + " must be auto or one of " + names + "; got '" +
                                std::string(name) + "'");
}

const Implementation& automatic() {
    const char* wanted = std::getenv("LIMEN_IMPLEMENTATION");
    return wanted && *wanted && std::string_view(wanted) != "auto" ? named(wanted, "LIMEN_IMPLEMENTATION")
                                                                   : available().back();
}

std::atomic<const Implementation*> chosen{nullptr};

}  // namespace

const Implementation& current_implementation() {
    const Implementation* now = chosen.load(std::memory_order_acquire);
    if (!now) {
        now = &automatic();
        chosen.store(now, std::memory_order_release);
    }
    return *now;
}

}  // namespace detail

std::vector<std::string> implementations() {
    std::vector<std::string> names;
    for (const detail::Implementation& i : detail::available()) names.emplace_back(i.name);
    return names;
}

std::string implementation() { return detail::current_implementation().name; }

void set_implementation(std::string_view name) {
    detail::chosen = name == "auto" ? &detail::automatic() : &detail::named(name, "implementation");
}

const char* version() { return LIMEN_VERSION; }

}  // namespace limen
