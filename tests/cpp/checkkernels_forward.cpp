// SSIM over regions of positions: sums and maps.
#include "checkkernels_pairs.h"
#include "reference/reference.h"
#include "scratch.h"

namespace check {

void check_forward(Case& c) {
    Random& random = c.random;
    // First every small size with the usual window, then anything.
    constexpr int sides = 35;
    const bool sweep = c.index < sides * sides;
    const limen::Convention convention = sweep ? limen::Convention() : random_convention(c);
    const int reach = convention.size / 2;
    Geometry g = random_geometry(c, reach);
    if (sweep) g = {11 + c.index / sides, 11 + c.index % sides, 0, g.step, g.border};

    const Region whole = {0, g.height + 2 * g.pad - 2 * reach, 0, g.width + 2 * g.pad - 2 * reach};
    const double kind = random.uniform();
    const bool part = kind < 0.25;
    const Region positions = part ? random_part(random, whole) : whole;
    const std::vector<Region> pieces =
        kind > 0.75 ? random_pieces(random, positions, reach) : std::vector<Region>{positions};
    note(c, "positions", positions);
    c.note("pieces", pieces.size());
    const auto seen = [&](const Region& r) {
        return Region{r.row_begin, r.row_end + 2 * reach, r.col_begin, r.col_end + 2 * reach};
    };
    // MS-SSIM keeps no more of a plane in memory than a tile's windows see.
    const DType dtype = random.pick(
        {DType::uint8, DType::uint16, DType::float16, DType::bfloat16, DType::float32, DType::float32, DType::float64});
    const TestPair pair(c, g, part ? pixels_behind(seen(positions), g) : Region{0, g.height, 0, g.width}, dtype,
                        dtype == DType::float32 && g.step == 1 && random.chance(0.4));
    const Formula formula = formula_of(convention, pair.data_range(), c.note("luminance", random.chance(0.6)));

    const std::int64_t samples = whole.col_end * g.step;
    const bool map = c.note("map", random.chance(0.6));
    const DType map_dtype = random.pick({DType::float32, DType::float64});
    const Layout layout = random_layout(random, whole.row_end, samples, false);
    std::vector<double> expected(static_cast<std::size_t>(whole.row_end * samples), kUntouched);
    double expected_sums[kMaxInterleave];
    ForwardTask task = {};
    task.formula = &formula;
    task.source = pair.source(DType::float64);
    task.positions = positions;
    task.sums = expected_sums;
    task.map = {expected.data(), samples, 1, DType::float64};
    reference_forward(task);

    c.each_variant(dtype, [&](const Variant& variant) {
        const double tolerance = kMapRoundings * variant.roundoff() * pair.map_growth(formula);
        Strided got(random, map_dtype, layout);
        got.set(std::vector<double>(expected.size(), kUntouched));
        double sums[kMaxInterleave] = {};
        task.source = pair.source(variant.number);
        task.map = map ? got.plane() : Plane{};
        for (const Region& piece : pieces) {
            const Guarded scratch(static_cast<std::size_t>(moment_layout(reach, g.step, 0).total) * variant.size());
            const Guarded piece_sums(static_cast<std::size_t>(g.step) * sizeof(double));
            task.positions = piece;
            task.sums = reinterpret_cast<double*>(piece_sums.data());
            task.scratch = scratch.data();
            variant.kernels->forward(task);
            c.expect(scratch.intact(), "scratch memory: something was written outside");
            c.expect(piece_sums.intact(), "sums: something was written outside");
            for (int k = 0; k < g.step; k++) sums[k] += task.sums[k];
        }
        for (int k = 0; k < g.step; k++)
            c.compare("sum of channel " + std::to_string(k), sums[k], expected_sums[k],
                      (tolerance + sum_rounding(count(positions))) * static_cast<double>(count(positions)));
        if (!map) return;
        c.compare("map", got, expected, std::vector<double>(expected.size(), tolerance + last_place(map_dtype, 1)));
    });
}

}  // namespace check
