#include "checkkernels_pairs.h"

#include "reference/source.h"

namespace check {
namespace {

// Multiplications of the reference, which is quadratic in the window's size, that a case may take.
constexpr std::int64_t kMostWork = 250'000;

std::int64_t shortest(Border border, int pad, int reach) {
    if (pad == 0) return 2 * reach + 1;
    return border == Border::reflect ? reach + 1 : border == Border::symmetric ? std::max(reach, 1) : 1;
}

// About the edges of windows, vectors, strips of 16 and chunks of 48 or 64 samples.
std::int64_t random_side(Random& random, std::int64_t least) {
    const double kind = random.uniform();
    if (kind < 0.6) return random.between(least, least + 34);
    if (kind < 0.9) return random.between(least, std::max<std::int64_t>(least, 70));
    return std::max(least, 16 * random.between(1, 10) + random.between(-1, 1));
}

const char* name_of(DType dtype) {
    static const char* const names[] = {"uint8", "uint16", "float16", "bfloat16", "float32", "float64"};
    return names[static_cast<int>(dtype)];
}

// The part of a window's weight along an axis that the first position, padded by the reach, has on a plane of n pixels.
double mass_inside(const Window& w, std::int64_t n) {
    double mass = 0;
    for (int k = 0; k <= w.reach && k < n; k++) mass += w.tap[k];
    return mass;
}

}  // namespace

limen::Convention random_convention(Case& c) {
    Random& random = c.random;
    limen::Convention convention;
    const double kind = random.uniform();
    const int reach = kind < 0.7     ? 5
                      : kind < 0.8   ? 3
                      : kind < 0.86  ? 1
                      : kind < 0.90  ? 9
                      : kind < 0.92  ? 20
                      : kind < 0.995 ? static_cast<int>(random.between(1, 12))
                                     : 127;
    convention.size = 2 * c.note("reach", reach) + 1;
    const bool uniform = c.note("uniform", reach == 3 || random.chance(0.2));
    convention.window = uniform ? limen::WindowShape::uniform : limen::WindowShape::gaussian;
    convention.sigma = random.chance(0.8) ? 1.5 : c.note("sigma", random.uniform(0.5, 4));
    convention.covariance = random.chance(0.3) ? limen::Covariance::sample : limen::Covariance::population;
    const double k = c.note("k", random.chance(0.5) ? 1.0 : 10.0);
    convention.k1 *= k;
    convention.k2 *= k;
    convention.epsilon = c.note("epsilon", random.chance(0.7) ? 0 : 1e-12);
    return convention;
}

Geometry random_geometry(Case& c, int reach) {
    Random& random = c.random;
    Geometry g = {};
    g.border = random.pick({Border::clamp, Border::zero, Border::reflect, Border::symmetric});
    g.pad = random.chance(0.4) ? 0 : reach;
    g.step = static_cast<int>(random.pick({1, 1, 1, 2, 3, 3, 4}));
    if (reach > 20 && g.pad > 0)
        g.border = random.pick({Border::clamp, Border::zero});  // mirrors want too large a plane
    const std::int64_t least = shortest(g.border, g.pad, reach), window = 2 * reach + 1;
    g.height = random_side(random, least);
    g.width = random_side(random, least);
    const auto positions = [&](std::int64_t n) { return n + 2 * g.pad - 2 * reach; };
    while (positions(g.height) * positions(g.width) * g.step * window * window > kMostWork) {
        std::int64_t& side = random.chance(0.5) ? g.height : g.width;
        side = std::max(least, side - std::max<std::int64_t>(1, side / 8));
        if (g.height == least && g.width == least) g.step = 1;
        if (g.height == least && g.width == least) break;
    }
    return g;
}

void note(Case& c, const Geometry& g) {
    static const char* const borders[] = {"clamp", "zero", "reflect", "symmetric"};
    c.note("height", g.height);
    c.note("width", g.width);
    c.note("step", g.step);
    c.note("pad", g.pad);
    if (g.pad > 0) c.note("border", borders[static_cast<int>(g.border)]);
}

void note(Case& c, const char* name, const Region& r) {
    std::ostringstream text;
    text << '[' << r.row_begin << ':' << r.row_end << ',' << r.col_begin << ':' << r.col_end << ']';
    c.note(name, text.str().c_str());
}

Region pixels_behind(const Region& padded, const Geometry& g) {
    const auto span = [&](std::int64_t begin, std::int64_t end, std::int64_t n, std::int64_t& first,
                          std::int64_t& last) {
        first = n, last = 0;
        for (std::int64_t i = begin; i < end; i++) {
            const std::int64_t at = source_index(i - g.pad, n, g.border);
            if (at >= 0) first = std::min(first, at), last = std::max(last, at + 1);
        }
    };
    Region r;
    span(padded.row_begin, padded.row_end, g.height, r.row_begin, r.row_end);
    span(padded.col_begin, padded.col_end, g.width, r.col_begin, r.col_end);
    return r;
}

std::vector<Region> random_pieces(Random& random, const Region& whole, int reach) {
    const auto cuts = [&](std::int64_t begin, std::int64_t end) {
        std::vector<std::int64_t> at = {begin};
        const std::int64_t most = std::max<std::int64_t>(random.pick({5, 16, 40}), reach < 20 ? 0 : 4 * reach);
        while (at.back() < end) at.push_back(std::min(end, at.back() + random.between(1, most)));
        return at;
    };
    const std::vector<std::int64_t> rows = cuts(whole.row_begin, whole.row_end),
                                    cols = cuts(whole.col_begin, whole.col_end);
    std::vector<Region> pieces;
    for (std::size_t i = 0; i + 1 < rows.size(); i++)
        for (std::size_t j = 0; j + 1 < cols.size(); j++)
            pieces.push_back({rows[i], rows[i + 1], cols[j], cols[j + 1]});
    return pieces;
}

Region random_part(Random& random, const Region& whole) {
    const auto part = [&](std::int64_t begin, std::int64_t end, std::int64_t& first, std::int64_t& last) {
        first = random.between(begin, end - 1);
        last = random.between(first + 1, end);
    };
    Region r;
    part(whole.row_begin, whole.row_end, r.row_begin, r.row_end);
    part(whole.col_begin, whole.col_end, r.col_begin, r.col_end);
    return r;
}

std::int64_t count(const Region& r) { return (r.row_end - r.row_begin) * (r.col_end - r.col_begin); }

TestPair::TestPair(Case& c, const Geometry& g, const Region& pixels, DType dtype, bool is_uv)
    : geometry_(g), pixels_(pixels), dtype_(dtype), is_uv_(is_uv), random_(c.random) {
    note(c, g);
    c.note("dtype", name_of(dtype));
    c.note("is_uv", is_uv);
    static const char* const contents[] = {"noise", "smooth", "constant", "extreme", "bright"};
    content_ = random_.pick({noise, noise, smooth, smooth, constant, extreme, bright});
    c.note("content", contents[content_]);
    block_ = random_.chance(0.5) ? 1 : random_.between(2, 20);
    pattern_ = static_cast<std::uint64_t>(random_.between(0, INT64_MAX - 1));
    for (double& p : phase_) p = random_.uniform();
    const bool integers = dtype == DType::uint8 || dtype == DType::uint16;
    data_range_ = dtype == DType::uint8    ? 255
                  : dtype == DType::uint16 ? 65535
                  : content_ == bright     ? 1
                                           : random_.pick({1.0, 255.0});
    if (!integers && content_ != bright && random_.chance(0.3)) low_ = -data_range_ / 2;

    const std::int64_t rows = pixels.row_end - pixels.row_begin, samples = (pixels.col_end - pixels.col_begin) * g.step;
    const double relation = random_.uniform();
    same_ = relation < 0.1 && !is_uv;
    std::vector<double> x, y;
    const auto clip = [&](double v) { return content_ == bright ? v : std::clamp(v, low_, low_ + data_range_); };
    for (std::int64_t i = 0; i < rows * samples; i++) {
        const std::int64_t row = pixels.row_begin + i / samples, col = pixels.col_begin + i % samples / g.step;
        x.push_back(clip(level(row, col, static_cast<int>(i % g.step), 0)));
        const double noise_of_y = random_.uniform(-0.05, 0.05) * data_range_;
        y.push_back(clip(relation < 0.4   ? x.back() + noise_of_y
                         : relation < 0.5 ? (content_ == bright ? x.back() : 2 * low_ + data_range_ - x.back())
                                          : level(row, col, static_cast<int>(i % g.step), 1)));
    }
    if (!integers && random_.chance(0.05)) {
        const double value = random_.pick<double>({NAN, INFINITY, -INFINITY});
        c.note("broken", value);
        (random_.chance(0.5) ? x : y)[static_cast<std::size_t>(random_.between(0, rows * samples - 1))] = value;
    }
    const Layout layout_x = random_layout(random_, rows, samples, true);
    const Layout layout_y = random_.chance(0.5) ? layout_x : random_layout(random_, rows, samples, true);
    repeats_ = layout_x.row == 0 || layout_x.sample == 0 || layout_y.row == 0 || layout_y.sample == 0;
    centre(x, y);
    if (is_uv)
        for (std::size_t i = 0; i < x.size(); i++) {
            const double u = x[i] + y[i], v = x[i] - y[i];
            x[i] = static_cast<double>(static_cast<float>(u - center_u_));
            y[i] = static_cast<double>(static_cast<float>(v - center_v_));
        }
    x_ = twin(random_, layout_x, x);
    if (!same_) y_ = twin(random_, layout_y, y);

    const PairSource s = source(DType::float64);
    for (std::int64_t row = pixels.row_begin; row < pixels.row_end; row++)
        for (std::int64_t col = pixels.col_begin; col < pixels.col_end; col++)
            for (int k = 0; k < g.step; k++) {
                const Pair p = pair_at(s, row + g.pad, col + g.pad, k);
                if (!std::isfinite(p.u) || !std::isfinite(p.v)) continue;
                deviation_ = std::max({deviation_, std::fabs(p.u - center_u_), std::fabs(p.v - center_v_)});
                magnitude_ = std::max(magnitude_, std::fabs(p.u) + std::fabs(p.v));
            }
}

double TestPair::level(std::int64_t row, std::int64_t col, int channel, int image) {
    const double r = static_cast<double>(row), k = static_cast<double>(col);
    switch (content_) {
        case noise: return low_ + data_range_ * random_.uniform();
        case smooth:
            return low_ + data_range_ *
                              (0.5 + 0.3 * std::sin(0.13 * r + 0.3 * phase_[0] * k + channel) +
                               0.2 * std::sin(0.4 * phase_[1] * r - 0.17 * k + image) + random_.uniform(-0.02, 0.02));
        case constant: return low_ + data_range_ * phase_[(channel + 2 * image) % 4];
        case extreme:
            if (block_ == 1) return low_ + data_range_ * static_cast<double>(random_.between(0, 1));
            return low_ +
                   data_range_ *
                       static_cast<double>(
                           pattern_ >> (row / block_ * 7 + col / block_ * 13 + channel * 5 + image * 29) % 63 & 1);
        case bright: break;
    }
    // Variance one.
    const double normal =
        (random_.uniform() + random_.uniform() + random_.uniform() + random_.uniform() - 2) * std::sqrt(3.0);
    return (dtype_ == DType::uint8 ? 240 : dtype_ == DType::uint16 ? 60000 : 1000) + normal;
}

TestPair::Twin TestPair::twin(Random& random, const Layout& layout, const std::vector<double>& values) const {
    Twin t;
    const auto make = [&](DType dtype) {
        auto plane = std::make_unique<Strided>(random, dtype, layout);
        plane->set(values);
        return plane;
    };
    t.narrow = make(is_uv_ ? DType::float32 : dtype_);
    if (is_uv_) t.wide = make(DType::float64);
    return t;
}

// As the library does: about the mean, whatever a broken pixel holds, and a number that float32 holds.
void TestPair::centre(const std::vector<double>& x, const std::vector<double>& y) {
    if (content_ != bright && random_.chance(0.1)) return;
    double u = 0, v = 0;
    for (std::size_t i = 0; i < x.size(); i++) {
        if (!std::isfinite(x[i] + y[i])) continue;
        u += x[i] + (same_ ? x[i] : y[i]);
        v += same_ ? 0 : x[i] - y[i];
    }
    center_u_ = static_cast<double>(static_cast<float>(u / static_cast<double>(x.size())));
    center_v_ = static_cast<double>(static_cast<float>(v / static_cast<double>(x.size())));
}

PairSource TestPair::source(DType number) const {
    const auto of = [&](const Twin& t) -> const Strided& {
        return is_uv_ && number == DType::float64 ? *t.wide : *t.narrow;
    };
    const Strided &x = of(x_), &y = of(same_ ? x_ : y_);
    PairSource s = {};
    s.x = x.origin();
    s.y = y.origin();
    s.x_row = x.layout().row;
    s.x_sample = x.layout().sample;
    s.y_row = y.layout().row;
    s.y_sample = y.layout().sample;
    s.height = geometry_.height;
    s.width = geometry_.width;
    s.first_row = pixels_.row_begin;
    s.first_col = pixels_.col_begin;
    s.center_u = center_u_;
    s.center_v = center_v_;
    s.pad = geometry_.pad;
    s.step = geometry_.step;
    s.border = geometry_.border;
    s.dtype = dtype_;
    s.is_uv = is_uv_;
    return s;
}

// What the variances of u and v in any window add up to at least; only noise, seen through a window of many pixels, has any for sure.
double TestPair::least_variance(const Window& w) const {
    double squares = w.tap[0] * w.tap[0];
    for (int k = 1; k <= w.reach; k++) squares += 2 * w.tap[k] * w.tap[k];
    const bool many = squares * squares < 1.0 / 20 && std::min(geometry_.height, geometry_.width) > 2 * w.reach;
    if (!many || repeats_) return 0;
    const double of_pixels = content_ == noise                                 ? data_range_ * data_range_ / 12
                             : content_ == extreme && block_ == 1              ? data_range_ * data_range_ / 4
                             : content_ == bright && dtype_ != DType::bfloat16 ? 1
                                                                               : 0;
    return of_pixels / (geometry_.pad == 0 || geometry_.border == Border::zero ? 2 : 16);
}

double TestPair::map_growth(const Formula& f) const {
    const double denominator = f.c2 + least_variance(f.window);
    // Windows across a border of zeros see them as far from the mean as from zero, yet see as much variance.
    const bool zeros = geometry_.pad > 0 && geometry_.border == Border::zero;
    const double border =
        zeros ? 1 / (mass_inside(f.window, geometry_.height) * mass_inside(f.window, geometry_.width)) : 0;
    return 1 + deviation_ * deviation_ / denominator + magnitude_ / std::sqrt(denominator) + border;
}

double TestPair::gradient_growth(const Formula& f) const {
    const double denominator = f.c2 + least_variance(f.window);
    const double steepest = (deviation_ + std::sqrt(f.c2)) / denominator + (f.luminance ? 1 / std::sqrt(f.c1) : 0);
    return map_growth(f) * steepest;
}

}  // namespace check
