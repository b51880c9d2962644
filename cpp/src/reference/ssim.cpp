#include "reference.h"
#include "source.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {
inline double at_least_zero(double v) { return v < 0 ? 0 : v; }
inline double divide(double a, double b) { return a / b; }
inline double reciprocal(double v) { return 1 / v; }
inline double quotient(double a, double, double inverse) { return a * inverse; }
}  // namespace
#include "../../math/ssim_math.h"

namespace limen::detail {
namespace {

// Weight of the pixel (i, j) places from the top left of a window.
double weight(const Window& w, int i, int j) { return w.tap[std::abs(i - w.reach)] * w.tap[std::abs(j - w.reach)]; }

// Deviations are from the window's own means, so that the variances of bright flat windows don't cancel.
SsimMoments<double> moments(const PairSource& s, const Window& w, std::int64_t row, std::int64_t col, int c) {
    const int size = 2 * w.reach + 1;
    SsimMoments<double> m = {0, 0, 0, 0};
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++) {
            const Pair p = pair_at(s, row + i, col + j, c);
            m.u += weight(w, i, j) * p.u;
            m.v += weight(w, i, j) * p.v;
        }
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++) {
            const Pair p = pair_at(s, row + i, col + j, c);
            m.uu += weight(w, i, j) * (p.u - m.u) * (p.u - m.u);
            m.vv += weight(w, i, j) * (p.v - m.v) * (p.v - m.v);
        }
    return m;
}

// The formulas take moments about a centre: about the window's own means, the means are zero and the centre is they.
SsimConstants<double> centred(SsimMoments<double>& m, const Formula& f) {
    const SsimConstants<double> k = {1, m.u, m.v, f.c1, f.c2, f.epsilon};
    m.u = m.v = 0;
    return k;
}

// Slopes with respect to the means of u and v about zero are those about another centre, less what moving it moves E[u^2] by.
template <bool luminance>
SsimSlopes<double> slopes(const PairSource& s, const Formula& f, std::int64_t row, std::int64_t col, int c) {
    SsimMoments<double> m = moments(s, f.window, row, col, c);
    const SsimConstants<double> k = centred(m, f);
    SsimSlopes<double> d = ssim_slopes<luminance>(m, k);
    d.u -= k.center_u * d.uu;
    d.v -= k.center_v * d.vv;
    return d;
}

}  // namespace

void reference_forward(const ForwardTask& task) {
    const PairSource& s = task.source;
    for (int c = 0; c < s.step; c++) {
        task.sums[c] = 0;
        for (std::int64_t row = task.positions.row_begin; row < task.positions.row_end; row++)
            for (std::int64_t col = task.positions.col_begin; col < task.positions.col_end; col++) {
                SsimMoments<double> m = moments(s, task.formula->window, row, col, c);
                const SsimConstants<double> k = centred(m, *task.formula);
                const SsimTerms<double> t = ssim_terms(m, k);
                const double value = task.formula->luminance ? ssim_value<true>(t, k) : ssim_value<false>(t, k);
                task.sums[c] += value;
                if (task.map.data)
                    write_number(task.map.data, task.map.dtype,
                                 row * task.map.row + (col * s.step + c) * task.map.sample, value);
            }
    }
}

void reference_gradient(const GradientTask& task) {
    const PairSource& s = task.source;
    const Window& w = task.formula->window;
    const Region& p = task.pixels;
    // Positions whose windows hold a wanted pixel.
    const std::int64_t top = std::max<std::int64_t>(p.row_begin - 2 * w.reach, 0),
                       bottom = std::min(p.row_end, task.position_rows);
    const std::int64_t left = std::max<std::int64_t>(p.col_begin - 2 * w.reach, 0),
                       right = std::min(p.col_end, task.position_cols);
    const std::int64_t cols = std::max<std::int64_t>(right - left, 0);
    std::vector<SsimSlopes<double>> slope(static_cast<std::size_t>(std::max<std::int64_t>(bottom - top, 0) * cols));

    for (int c = 0; c < s.step; c++) {
        task.sums[c] = 0;
        for (std::int64_t row = top; row < bottom; row++)
            for (std::int64_t col = left; col < right; col++) {
                SsimSlopes<double>& d = slope[static_cast<std::size_t>((row - top) * cols + col - left)];
                d = task.formula->luminance ? slopes<true>(s, *task.formula, row, col, c)
                                            : slopes<false>(s, *task.formula, row, col, c);
                if (row >= p.row_begin && col >= p.col_begin) task.sums[c] += d.value;
                if (!task.weights.data) continue;
                const double factor = read_number(task.weights.data, task.weights.dtype,
                                                  row * task.weights.row + (col * s.step + c) * task.weights.sample);
                d.u *= factor, d.v *= factor, d.uu *= factor, d.vv *= factor;
            }
        for (std::int64_t row = p.row_begin; row < p.row_end; row++)
            for (std::int64_t col = p.col_begin; col < p.col_end; col++) {
                const Pair at = pair_at(s, row, col, c);
                double gu = 0, gv = 0;
                for (std::int64_t i = std::max(row - 2 * w.reach, top); i <= row && i < bottom; i++)
                    for (std::int64_t j = std::max(col - 2 * w.reach, left); j <= col && j < right; j++) {
                        const SsimSlopes<double>& d = slope[static_cast<std::size_t>((i - top) * cols + j - left)];
                        const double tap = weight(w, static_cast<int>(row - i), static_cast<int>(col - j));
                        gu += tap * (d.u + at.u * d.uu);
                        gv += tap * (d.v + at.v * d.vv);
                    }
                const std::int64_t r = source_index(row - s.pad, s.height, s.border),
                                   k = source_index(col - s.pad, s.width, s.border);
                if (r < 0 || k < 0) continue;
                const bool fold = s.pad > 0 && s.border != Border::zero;
                const auto put = [&](const Plane& out, double value) {
                    if (!out.data) return;
                    const std::int64_t to = r * out.row + (k * s.step + c) * out.sample;
                    write_number(out.data, out.dtype, to,
                                 task.scale * value + (fold ? read_number(out.data, out.dtype, to) : 0));
                };
                put(task.grad_x, gu + gv);
                put(task.grad_y, gu - gv);
            }
    }
}

}  // namespace limen::detail
