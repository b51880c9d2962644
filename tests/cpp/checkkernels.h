// What all checks share: random cases, the variants of the kernels, and how a difference is told.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "implementations.h"

namespace check {

using namespace limen::detail;
using limen::DType;

/// The same numbers on every platform, which those of the standard distributions are not.
class Random {
  public:
    explicit Random(const std::vector<std::uint32_t>& seed) {
        std::seed_seq sequence(seed.begin(), seed.end());
        engine_.seed(sequence);
    }
    double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
    double uniform(double low, double high) { return low + (high - low) * uniform(); }
    bool chance(double probability) { return uniform() < probability; }
    /// Both ends included.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
    }
    template <class T>
    T pick(std::initializer_list<T> from) {
        return from.begin()[between(0, static_cast<std::int64_t>(from.size()) - 1)];
    }

  private:
    std::mt19937_64 engine_;
};

/// The kernels of one instruction set for one number type.
struct Variant {
    std::string name;            // "avx2.float32"
    std::string implementation;  // "avx2"
    const KernelsOf* kernels;
    DType number;  // float32 or float64

    bool wide() const { return number == DType::float64; }
    std::size_t size() const { return wide() ? 8 : 4; }
    double roundoff() const { return wide() ? 0x1p-53 : 0x1p-24; }
    bool reads(DType dtype) const { return dtype == DType::float32 || (dtype == DType::float64) == wide(); }
};

/// Every instruction set that this processor runs, twice.
std::vector<Variant> variants();

/// How one variant has fared in one family of checks.
struct Tally {
    int cases = 0, failures = 0;
    double worst = 0;  // error in units of the tolerance
};

class Strided;

/// One case of a family: parameters drawn from `random`, whose numbers depend on the seed, the family and the index alone.
class Case {
  public:
    Case(const char* family, unsigned seed, int index, const std::vector<Variant>& chosen, std::vector<Tally>& tallies);

    const int index;
    Random random;

    /// Adds a parameter to what a failure prints.
    template <class T>
    T note(const char* name, T value) {
        parameters_ << ' ' << name << '=' << +value;
        return value;
    }
    void note(const char* name, const char* value) { parameters_ << ' ' << name << '=' << value; }

    /// Calls run() for the chosen variants that read `dtype`; what is compared meanwhile counts for that variant.
    template <class Run>
    void each_variant(DType dtype, const Run& run) {
        const Random same = random;  // whichever variants are chosen
        for (std::size_t i = 0; i < chosen_.size(); i++) {
            if (!chosen_[i].reads(dtype)) continue;
            random = same;
            begin(i);
            run(chosen_[i]);
            end();
        }
    }

    void expect(bool holds, const std::string& otherwise);
    /// Passes where `expected` is not finite and neither is `got`.
    void compare(const std::string& what, double got, double expected, double tolerance);
    /// `expected` holds got's rows one after another, and kUntouched where the kernel has nothing to write.
    void compare(const std::string& what, const Strided& got, const std::vector<double>& expected,
                 const std::vector<double>& tolerance);

  private:
    void begin(std::size_t variant);
    void end();
    double share(double got, double expected, double tolerance) const;

    const char* family_;
    unsigned seed_;
    const std::vector<Variant>& chosen_;
    std::vector<Tally>& tallies_;
    std::size_t variant_ = 0;
    bool failed_ = false;
    std::ostringstream parameters_;
};

/// An element no kernel has to write; every floating type holds it.
constexpr double kUntouched = -768;

struct Family {
    const char* name;
    int cases;
    void (*check)(Case&);
};

void check_forward(Case&);
void check_gradient(Case&);
void check_halve(Case&);
void check_expand(Case&);
void check_errors(Case&);
void check_feature_distance(Case&);
void check_feature_gradient(Case&);
void check_public(Case&);

/// Prints nanoseconds per pixel for every implementation. False if a result is wrong.
bool bench_kernels(const std::string& filter);

}  // namespace check
