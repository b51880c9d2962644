// Gradients of SSIM, with and without weights, of one image or both.
#include "checkkernels_pairs.h"
#include "reference/reference.h"
#include "reference/source.h"
#include "scratch.h"

namespace check {
namespace {

// How often pixel `i` of an axis of n gets an addition: its own, and those of the padding that repeats it.
std::int64_t additions(const Geometry& g, std::int64_t i, std::int64_t n) {
    std::int64_t all = 0;
    for (std::int64_t p = -g.pad; p < n + g.pad; p++) all += source_index(p, n, g.border) == i;
    return all;
}

// A gradient to be, filled as the library does: with what the borders add to, and otherwise with something that has to vanish.
struct Wanted {
    DType dtype;
    Layout layout;
    std::vector<double> before, expected;
    double peak() const {
        double most = 0;
        for (const double v : expected)
            if (std::isfinite(v) && v != kUntouched) most = std::max(most, std::fabs(v));
        return most;
    }
};

Wanted wanted(Case& c, const Geometry& g) {
    Wanted w;
    w.dtype = c.random.pick({DType::float32, DType::float32, DType::float64, DType::float16, DType::bfloat16});
    w.layout = random_layout(c.random, g.height, g.width * g.step, false);
    const bool adds = g.pad > 0 && g.border != Border::zero;
    for (std::int64_t i = 0; i < g.height * g.width * g.step; i++)
        w.before.push_back(adds ? static_cast<double>(c.random.between(-64, 64)) / 64
                                : kUntouched);  // every type holds them
    w.expected = w.before;
    return w;
}

}  // namespace

void check_gradient(Case& c) {
    Random& random = c.random;
    constexpr int sides = 24;
    const bool sweep = c.index < sides * sides;
    const limen::Convention convention = sweep ? limen::Convention() : random_convention(c);
    const int reach = convention.size / 2;
    Geometry g = random_geometry(c, reach);
    if (sweep) g = {11 + c.index / sides, 11 + c.index % sides, 0, g.step, g.border};

    const std::int64_t position_rows = g.height + 2 * g.pad - 2 * reach,
                       position_cols = g.width + 2 * g.pad - 2 * reach;
    const Region whole = {0, g.height + 2 * g.pad, 0, g.width + 2 * g.pad};
    const double kind = random.uniform();
    const Region pixels = kind < 0.25 ? random_part(random, whole) : whole;
    const std::vector<Region> pieces = kind > 0.75 ? random_pieces(random, pixels, reach) : std::vector<Region>{pixels};
    note(c, "pixels", pixels);
    c.note("pieces", pieces.size());
    const DType dtype = random.pick(
        {DType::uint8, DType::uint16, DType::float16, DType::bfloat16, DType::float32, DType::float32, DType::float64});
    const TestPair pair(c, g, {0, g.height, 0, g.width}, dtype,
                        dtype == DType::float32 && g.step == 1 && random.chance(0.3));
    const Formula formula = formula_of(convention, pair.data_range(), c.note("luminance", random.chance(0.6)));

    const bool both = c.note("both", random.chance(0.5)), weighted = c.note("weighted", random.chance(0.4));
    Strided weights(random, random.pick({DType::float32, DType::float64}),
                    random_layout(random, position_rows, position_cols * g.step, true));
    for (std::int64_t i = 0; i < position_rows * position_cols * g.step; i++)
        weights.set(i / weights.layout().samples, i % weights.layout().samples, random.uniform(-1, 1));
    Wanted x = wanted(c, g), y = wanted(c, g);
    double expected_sums[kMaxInterleave];
    GradientTask task = {};
    task.formula = &formula;
    task.source = pair.source(DType::float64);
    task.pixels = pixels;
    task.position_rows = position_rows;
    task.position_cols = position_cols;
    task.scale = c.note("scale", random.pick({2.0, -0.5, 2 / static_cast<double>(position_rows * position_cols)}));
    task.sums = expected_sums;
    if (weighted) task.weights = weights.plane();
    const auto dense_plane = [&](Wanted& w) { return Plane{w.expected.data(), g.width * g.step, 1, DType::float64}; };
    task.grad_x = dense_plane(x);
    if (both) task.grad_y = dense_plane(y);
    reference_gradient(task);

    const std::int64_t positions =
        std::max<std::int64_t>(0, std::min(pixels.row_end, position_rows) - pixels.row_begin) *
        std::max<std::int64_t>(0, std::min(pixels.col_end, position_cols) - pixels.col_begin);
    c.each_variant(dtype, [&](const Variant& variant) {
        const double map_tolerance = kMapRoundings * variant.roundoff() * pair.map_growth(formula);
        const double tolerance =
            kGradientRoundings * variant.roundoff() * std::fabs(task.scale) * pair.gradient_growth(formula);
        Strided got_x(random, x.dtype, x.layout), got_y(random, y.dtype, y.layout);
        got_x.set(x.before);
        got_y.set(y.before);
        double sums[kMaxInterleave] = {};
        task.source = pair.source(variant.number);
        task.grad_x = got_x.plane();
        if (both) task.grad_y = got_y.plane();
        for (const Region& piece : pieces) {
            const GradientLayout numbers =
                gradient_layout(piece.col_end - piece.col_begin, reach, g.step, variant.size());
            const Guarded scratch(static_cast<std::size_t>(numbers.total) * variant.size());
            const Guarded piece_sums(static_cast<std::size_t>(g.step) * sizeof(double));
            task.pixels = piece;
            task.sums = reinterpret_cast<double*>(piece_sums.data());
            task.scratch = scratch.data();
            variant.kernels->gradient(task);
            c.expect(scratch.intact(), "scratch memory: something was written outside");
            c.expect(piece_sums.intact(), "sums: something was written outside");
            for (int k = 0; k < g.step; k++) sums[k] += task.sums[k];
        }
        for (int k = 0; k < g.step; k++)
            c.compare("sum of channel " + std::to_string(k), sums[k], expected_sums[k],
                      (map_tolerance + sum_rounding(positions)) * static_cast<double>(positions));
        const auto compare = [&](const char* name, const Strided& got, const Wanted& w) {
            std::vector<double> tolerances;
            const double rounding = std::max(last_place(w.dtype, w.peak()), last_place(variant.number, w.peak()));
            std::vector<std::int64_t> across;
            for (std::int64_t i = 0; i < g.width; i++) across.push_back(additions(g, i, g.width));
            for (std::int64_t r = 0; r < g.height; r++) {
                const std::int64_t down = additions(g, r, g.height);
                for (std::int64_t i = 0; i < g.width * g.step; i++)
                    tolerances.push_back(static_cast<double>(down * across[static_cast<std::size_t>(i / g.step)]) *
                                         (tolerance + rounding));
            }
            c.compare(name, got, w.expected, tolerances);
        };
        compare("grad_x", got_x, x);
        if (both) compare("grad_y", got_y, y);
        c.expect(both || got_y.gaps_intact(), "grad_y: written though not wanted");
    });
}

}  // namespace check
