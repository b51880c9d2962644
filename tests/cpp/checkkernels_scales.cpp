// Halving of planes, and the way back of their gradients.
#include "checkkernels_pairs.h"
#include "reference/reference.h"
#include "scales.h"
#include "scratch.h"

namespace check {
namespace {

Scale random_scale(Case& c, std::int64_t height, std::int64_t width) {
    limen::Convention convention;
    convention.padding = limen::Padding::replicate;
    convention.scales = 1;
    convention.downsample = c.random.pick({limen::Downsample::symmetric, limen::Downsample::zero,
                                           limen::Downsample::replicate, limen::Downsample::floor});
    c.note("downsample", static_cast<int>(convention.downsample));
    limen::ImageView image;
    image.height = height;
    image.width = width;
    return scales_of(image, convention)[0];
}

std::int64_t random_side(Random& random) { return random.between(1, random.chance(0.6) ? 40 : 200); }

}  // namespace

void check_halve(Case& c) {
    Random& random = c.random;
    Geometry g = {random_side(random), random_side(random), 1, 1, Border::clamp};
    const Scale scale = random_scale(c, g.height, g.width);
    if (scale.rows.coarse == 0 || scale.cols.coarse == 0) return;
    g.border = scale.border;
    const Region whole = {0, scale.rows.coarse, 0, scale.cols.coarse};
    const Region target = random.chance(0.5) ? whole : random_part(random, whole);
    note(c, "target", target);
    const HalveTask shifts = halve_task(PairSource{}, scale);
    const Region seen = {2 * target.row_begin + shifts.row_shift, 2 * target.row_end + shifts.row_shift,
                         2 * target.col_begin + shifts.col_shift, 2 * target.col_end + shifts.col_shift};
    const DType dtype = random.pick(
        {DType::uint8, DType::uint16, DType::float16, DType::bfloat16, DType::float32, DType::float32, DType::float64});
    const TestPair pair(c, g, pixels_behind(seen, g), dtype, dtype == DType::float32 && random.chance(0.5));

    const std::int64_t rows = target.row_end - target.row_begin, cols = target.col_end - target.col_begin;
    const Layout layout = {rows, cols, cols + random.between(0, 20), 1};
    std::vector<double> u(static_cast<std::size_t>(rows * cols)), v(u.size());
    HalveTask task = halve_task(pair.source(DType::float64), scale);
    task.source.border = g.border;
    task.target = target;
    task.u = u.data();
    task.v = v.data();
    task.row = cols;
    reference_halve(task);

    c.each_variant(dtype, [&](const Variant& variant) {
        const Guarded scratch(static_cast<std::size_t>(halve_numbers(cols, variant.size())) * variant.size());
        const Strided got_u(random, variant.number, layout), got_v(random, variant.number, layout);
        task.source = halve_task(pair.source(variant.number), scale).source;
        task.u = got_u.origin();
        task.v = got_v.origin();
        task.row = layout.row;
        task.scratch = scratch.data();
        variant.kernels->halve(task);
        c.expect(scratch.intact(), "scratch memory: something was written outside");
        const std::vector<double> tolerance(u.size(), kHalveRoundings * variant.roundoff() * (1 + pair.magnitude()));
        c.compare("u", got_u, u, tolerance);
        c.compare("v", got_v, v, tolerance);
    });
}

void check_expand(Case& c) {
    Random& random = c.random;
    const std::int64_t height = c.note("height", random_side(random)), width = c.note("width", random_side(random));
    const Scale scale = random_scale(c, height, width);
    if (scale.rows.coarse == 0 || scale.cols.coarse == 0) return;
    ExpandTask task = {};
    task.rows = scale.rows;
    task.cols = scale.cols;
    const bool coarse = c.note("coarse", random.chance(0.9));  // a single scale has none
    if (!coarse) task.rows.coarse = 0;
    task.row_begin = random.chance(0.5) ? 0 : random.between(0, height - 1);
    task.row_end = random.chance(0.5) ? height : random.between(task.row_begin + 1, height);
    c.note("row_begin", task.row_begin);
    c.note("row_end", task.row_end);
    task.scale = c.note("scale", random.uniform(-2, 2));
    task.coarse_scale = c.note("coarse_scale", random.chance(0.5) ? 1 : random.uniform(-2, 2));

    const auto values = [&](std::int64_t n) {
        std::vector<double> v;
        for (std::int64_t i = 0; i < n; i++)
            v.push_back(static_cast<double>(static_cast<float>(random.uniform(-1, 1))));
        return v;
    };
    const auto padded = [&](std::int64_t rows, std::int64_t cols) {
        return Layout{rows, cols, cols + random.between(0, 20), 1};
    };
    const std::vector<double> fine = values(height * width), up = values(scale.rows.coarse * scale.cols.coarse);
    const Layout fine_layout = padded(height, width), coarse_layout = padded(scale.rows.coarse, scale.cols.coarse);
    const bool in_place = c.note("in_place", random.chance(0.5));
    const DType out_dtype =
        random.pick({DType::float32, DType::float32, DType::float64, DType::float16, DType::bfloat16});
    const Layout out_layout = random_layout(random, height, width, false);

    std::vector<double> expected(fine.size(), kUntouched);
    task.fine = fine.data();
    task.fine_row = width;
    if (coarse) {
        task.coarse = up.data();
        task.coarse_row = scale.cols.coarse;
    }
    task.out = {expected.data(), width, 1, DType::float64};
    reference_expand(task);

    c.each_variant(DType::float32, [&](const Variant& variant) {
        const Guarded scratch(static_cast<std::size_t>(row_pitch(width, variant.size())) * variant.size());
        Strided from(random, variant.number, fine_layout), above(random, variant.number, coarse_layout);
        from.set(fine);
        above.set(up);
        Strided elsewhere(random, in_place ? variant.number : out_dtype, out_layout);
        elsewhere.set(std::vector<double>(fine.size(), kUntouched));
        const Strided& out = in_place ? from : elsewhere;
        task.fine = from.origin();
        task.fine_row = fine_layout.row;
        if (coarse) {
            task.coarse = above.origin();
            task.coarse_row = coarse_layout.row;
        }
        task.out = out.plane();
        task.scratch = scratch.data();
        variant.kernels->expand(task);
        c.expect(scratch.intact(), "scratch memory: something was written outside");
        std::vector<double> right = expected, tolerance;
        for (std::size_t i = 0; i < right.size(); i++) {
            if (in_place && right[i] == kUntouched) right[i] = fine[i];
            tolerance.push_back(kHalveRoundings * variant.roundoff() * 4 + last_place(out.dtype(), right[i]));
        }
        c.compare("out", out, right, tolerance);
    });
}

}  // namespace check
