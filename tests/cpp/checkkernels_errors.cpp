// Sums of squared and of absolute differences.
#include "checkkernels_pairs.h"
#include "reference/reference.h"
#include "scratch.h"

namespace check {

void check_errors(Case& c) {
    Random& random = c.random;
    const auto side = [&] { return random.chance(0.7) ? random.between(1, 60) : random.between(1, 300); };
    const Geometry g = {side(), side(), 0, static_cast<int>(random.between(1, kMaxInterleave)), Border::clamp};
    const Region whole = {0, g.height, 0, g.width};
    const Region pixels = random.chance(0.5) ? whole : random_part(random, whole);
    note(c, "pixels", pixels);
    const DType dtype =
        random.pick({DType::uint8, DType::uint16, DType::float16, DType::bfloat16, DType::float32, DType::float64});
    const TestPair pair(c, g, pixels, dtype);
    double squared[kMaxInterleave], absolute[kMaxInterleave];
    ErrorTask task = {};
    const auto source = [&](DType number) {
        PairSource s = pair.source(number);
        s.center_u = s.center_v = 0;  // differences are of the images as they are
        return s;
    };
    task.source = source(DType::float64);
    task.pixels = pixels;
    task.squared = squared;
    task.absolute = absolute;
    reference_errors(task);

    c.each_variant(dtype, [&](const Variant& variant) {
        const std::int64_t numbers = error_numbers(pixels.col_end - pixels.col_begin, g.step);
        const Guarded scratch(static_cast<std::size_t>(numbers) * variant.size());
        const Guarded sums(2 * static_cast<std::size_t>(g.step) * sizeof(double));
        task.source = source(variant.number);
        task.squared = reinterpret_cast<double*>(sums.data());
        task.absolute = task.squared + g.step;
        task.scratch = scratch.data();
        variant.kernels->errors(task);
        c.expect(scratch.intact(), "scratch memory: something was written outside");
        c.expect(sums.intact(), "sums: something was written outside");
        for (int k = 0; k < g.step; k++) {
            const double roundings = kErrorRoundings * variant.roundoff() + sum_rounding(count(pixels));
            c.compare("squared of channel " + std::to_string(k), task.squared[k], squared[k], roundings * squared[k]);
            c.compare("absolute of channel " + std::to_string(k), task.absolute[k], absolute[k],
                      roundings * absolute[k]);
        }
    });
}

}  // namespace check
