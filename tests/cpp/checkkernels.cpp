// Checks every kernel of every instruction set that this processor runs against the reference, and times them.
#include "checkkernels.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <limen/runtime.hpp>
#include <stdexcept>

#include "checkkernels_memory.h"

namespace check {
namespace {

constexpr Family families[] = {
    {"forward", 2000, check_forward},
    {"gradient", 1400, check_gradient},
    {"halve", 1500, check_halve},
    {"expand", 1500, check_expand},
    {"errors", 1500, check_errors},
    {"feature_distance", 1500, check_feature_distance},
    {"feature_gradient", 1000, check_feature_gradient},
    {"public", 200, check_public},
};

// What is being checked, should the program crash.
char current_text[256];

struct Options {
    unsigned seed = 1;
    int only_case = -1;
    bool quick = false, bench = false;
    std::string filter;
};

void print_usage() {
    std::puts(
        "usage: checkkernels [--seed N] [--filter TEXT] [--case N] [--quick] [--bench]\n"
        "Checks the kernels of every instruction set that this processor runs against the reference.\n"
        "  --seed N       other random cases (1 is the default)\n"
        "  --filter TEXT  only kernels whose name, such as gradient.avx2.float32, contains TEXT\n"
        "  --case N       only the case of this number\n"
        "  --quick        one case in eleven, for emulated processors\n"
        "  --bench        time the kernels instead");
}

Options parse(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count; i++) {
        const std::string name = arguments[i];
        const auto value = [&] {
            if (++i == count) throw std::invalid_argument(name + " needs a value");
            return std::string(arguments[i]);
        };
        if (name == "--seed") options.seed = static_cast<unsigned>(std::stoul(value()));
        else if (name == "--filter") options.filter = value();
        else if (name == "--case") options.only_case = std::stoi(value());
        else if (name == "--quick") options.quick = true;
        else if (name == "--bench") options.bench = true;
        else if (name == "--help") print_usage(), std::exit(0);
        else throw std::invalid_argument("unknown argument " + name + "; see --help");
    }
    return options;
}

void print_current() {
    const auto say = [](const char* text) { return write(2, text, std::strlen(text)); };
    if (say("crashed; to repeat: ") > 0 && say(current_text) > 0) say("\n");
}

void announce_crashes() {
#if defined(__SANITIZE_ADDRESS__)
    __asan_set_death_callback(print_current);
#else
    const auto crash = [](int number) {
        print_current();
        std::signal(number, SIG_DFL);
        std::raise(number);
    };
    for (const int number : {SIGILL, SIGSEGV, SIGBUS, SIGFPE}) std::signal(number, crash);
#endif
}

// Returns whether all have passed.
bool check_family(const Family& family, const Options& options, const std::vector<Variant>& all) {
    std::vector<Variant> chosen;
    for (const Variant& v : all)
        if ((family.name + ("." + v.name)).find(options.filter) != std::string::npos) chosen.push_back(v);
    if (chosen.empty()) return true;
    std::vector<Tally> tallies(chosen.size());
    for (int i = 0; i < family.cases; i++) {
        if (options.only_case >= 0 ? i != options.only_case : options.quick && i % 11 != 0) continue;
        Case c(family.name, options.seed, i, chosen, tallies);
        family.check(c);
    }
    for (std::size_t i = 0; i < chosen.size(); i++) {
        const Tally& t = tallies[i];
        std::printf("%-16s %-16s %5d cases %3d failed   largest error %.3f of the tolerance\n", family.name,
                    chosen[i].name.c_str(), t.cases, t.failures, t.worst);
    }
    std::fflush(stdout);
    return std::all_of(tallies.begin(), tallies.end(), [](const Tally& t) { return t.failures == 0; });
}

}  // namespace

std::vector<Variant> variants() {
    std::vector<Variant> found;
    for (const std::string& name : limen::implementations()) {
        limen::set_implementation(name);
        const Implementation& now = current_implementation();
        if (now.is_reference) continue;
        found.push_back({name + ".float32", name, &now.kernels->single_precision, DType::float32});
        found.push_back({name + ".float64", name, &now.kernels->double_precision, DType::float64});
    }
    limen::set_implementation("auto");
    return found;
}

Case::Case(const char* family, unsigned seed, int number, const std::vector<Variant>& chosen,
           std::vector<Tally>& tallies)
    : index(number),
      random([&] {
          std::vector<std::uint32_t> words = {seed, static_cast<std::uint32_t>(number)};
          for (const char* p = family; *p; p++) words.push_back(static_cast<std::uint32_t>(*p));
          return words;
      }()),
      family_(family),
      seed_(seed),
      chosen_(chosen),
      tallies_(tallies) {}

void Case::begin(std::size_t variant) {
    variant_ = variant;
    failed_ = false;
    std::snprintf(current_text, sizeof current_text, "checkkernels --seed %u --filter %s.%s --case %d", seed_, family_,
                  chosen_[variant].name.c_str(), index);
}

void Case::end() {
    tallies_[variant_].cases++;
    tallies_[variant_].failures += failed_;
}

void Case::expect(bool holds, const std::string& otherwise) {
    if (holds) return;
    if (!failed_)
        std::printf("FAILED %s.%s:%s\n  to repeat: %s\n", family_, chosen_[variant_].name.c_str(),
                    parameters_.str().c_str(), current_text);
    failed_ = true;
    std::printf("  %s\n", otherwise.c_str());
}

double Case::share(double got, double expected, double tolerance) const {
    if (!std::isfinite(expected)) return std::isfinite(got) ? INFINITY : 0;
    const double error = std::fabs(got - expected);
    return error == 0 ? 0 : std::isnan(error) ? INFINITY : error / tolerance;
}

void Case::compare(const std::string& what, double got, double expected, double tolerance) {
    const double part = share(got, expected, tolerance);
    tallies_[variant_].worst = std::max(tallies_[variant_].worst, part);
    if (part <= 1) return;
    std::ostringstream message;
    message.precision(17);
    message << what << " is " << got << ", should be " << expected << " within " << tolerance;
    expect(false, message.str());
}

void Case::compare(const std::string& what, const Strided& got, const std::vector<double>& expected,
                   const std::vector<double>& tolerance) {
    const std::int64_t samples = got.layout().samples;
    std::int64_t wrong = 0, worst_at = 0;
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); i++) {
        const auto at = static_cast<std::int64_t>(i);
        const double value = got.get(at / samples, at % samples);
        const double part =
            expected[i] == kUntouched ? (value == kUntouched ? 0 : INFINITY) : share(value, expected[i], tolerance[i]);
        wrong += part > 1;
        if (part > worst) worst = part, worst_at = at;
    }
    tallies_[variant_].worst = std::max(tallies_[variant_].worst, worst);
    expect(got.gaps_intact(), what + ": something was written outside");
    if (wrong == 0) return;
    const auto i = static_cast<std::size_t>(worst_at);
    std::ostringstream message;
    message.precision(17);
    message << what << ": " << wrong << " of " << expected.size() << " are wrong; at row " << worst_at / samples
            << ", sample " << worst_at % samples << " is " << got.get(worst_at / samples, worst_at % samples)
            << ", should be " << expected[i] << " within " << tolerance[i]
            << (expected[i] == kUntouched ? ", which marks what must not be written" : "");
    expect(false, message.str());
}

}  // namespace check

int main(int count, char** arguments) {
    using namespace check;
    try {
        const Options options = parse(count, arguments);
        if (options.bench) return bench_kernels(options.filter) ? 0 : 1;
        announce_crashes();
        bool passed = true;
        for (const Family& family : families) passed &= check_family(family, options, variants());
        return passed ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "checkkernels: %s\n", error.what());
        return 2;
    }
}
