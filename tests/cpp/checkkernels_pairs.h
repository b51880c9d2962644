// Pairs of planes that hunt for trouble, and how exact a kernel must be on them.
#pragma once

#include <memory>

#include "checkkernels_memory.h"
#include "planes.h"

namespace check {

struct Geometry {
    std::int64_t height, width;
    int pad, step;
    Border border;
};

/// A window, usually the 11-tap Gaussian, constants and paddings that a kernel must cope with.
limen::Convention random_convention(Case&);

/// A plane and border that windows of this reach fit on, small enough for the reference.
Geometry random_geometry(Case&, int reach);

/// The unpadded pixels that the padded ones of `region` stand for.
Region pixels_behind(const Region& padded, const Geometry&);

/// `whole` cut into a grid of pieces, which a large reach makes costly.
std::vector<Region> random_pieces(Random&, const Region& whole, int reach);
/// A part of it, as small as one.
Region random_part(Random&, const Region& whole);

std::int64_t count(const Region& r);
void note(Case&, const char* name, const Region&);

/// Two planes, of which only `pixels` are in memory, filled with noise, something like a photograph, flat, extreme, or bright and nearly
/// flat numbers, now and then with one that is not finite.
class TestPair {
  public:
    TestPair(Case&, const Geometry&, const Region& pixels, DType, bool is_uv = false);

    /// As a kernel of this number type reads it; the reference wants float64.
    PairSource source(DType number) const;

    DType dtype() const { return dtype_; }
    double data_range() const { return data_range_; }
    double magnitude() const { return magnitude_; }

    /// Tolerances in units of the number type's roundoff: of a value of the map, and of a gradient.
    double map_growth(const Formula&) const;
    double gradient_growth(const Formula&) const;

  private:
    struct Twin {
        std::unique_ptr<Strided> narrow, wide;  // wide only where the pair holds u and v
    };
    Twin twin(Random&, const Layout&, const std::vector<double>& values) const;
    double level(std::int64_t row, std::int64_t col, int channel, int image);
    void centre(const std::vector<double>& x, const std::vector<double>& y);
    double least_variance(const Window&) const;

    enum Content { noise, smooth, constant, extreme, bright };
    Geometry geometry_;
    Region pixels_;
    DType dtype_;
    bool is_uv_, same_ = false, repeats_ = false;
    Random& random_;
    Content content_ = noise;
    std::int64_t block_ = 1;
    std::uint64_t pattern_ = 0;
    double data_range_ = 1, low_ = 0, phase_[4] = {};
    double center_u_ = 0, center_v_ = 0;
    double deviation_ = 0, magnitude_ = 0;  // largest |u - center|, |v - center|, and |x| + |y|
    Twin x_, y_;
};

/// Tolerances, as multiples of the roundoff of the number type (2^-24 in float32, 2^-53 in float64):
///
///   map value   16 growth         A variance E[u^2] - E[u]^2 is wrong by a few roundings of E[u^2], and by those of u = x + y; what
///                                 that does to cs is relative to the denominator c2 + variance, hence map_growth().
///   sum          that * count     The error may be the same at every position, as in flat images.
///   gradient     16 growth        Slopes are products of two quotients, then blurred, and go with 1 / (c2 + variance).
///   halved u, v  4 (|x| + |y|)    A sum of two, less the centre, then of four.
///   error sums   64               Blocks of 48 numbers are added up in the number type.
///
/// plus a unit in the last place of the type that is written, for each time that a border adds to it.
constexpr double kMapRoundings = 16, kGradientRoundings = 16, kHalveRoundings = 4, kErrorRoundings = 64;

/// Relative, of `count` numbers added up in double.
inline double sum_rounding(std::int64_t count) { return static_cast<double>(count) * 0x1p-53; }

}  // namespace check
