#include "scales.h"

#include "checks.h"

#include <stdexcept>
#include <string>

namespace limen::detail {
namespace {

Halving halve(std::int64_t n, Downsample how, bool either_odd) {
    const bool odd = n % 2 != 0;
    switch (how) {
        case Downsample::symmetric: return {n, (n + 1) / 2, 0, false, odd};
        case Downsample::zero: return {n, (n + 1) / 2, odd ? 1 : 0, false, false};
        case Downsample::replicate: return {n, (n + either_odd) / 2, either_odd ? 1 : 0, either_odd, false};
        default: return {n, n / 2, 0, false, false};
    }
}

Scale scale_of(std::int64_t height, std::int64_t width, const Convention& c, bool last) {
    Scale s = {};
    s.height = height;
    s.width = width;
    s.padding = c.crop_contrast && !last ? Padding::valid : c.padding;
    s.position_rows = positions(height, s.padding, c.size);
    s.position_cols = positions(width, s.padding, c.size);
    const bool either_odd = height % 2 != 0 || width % 2 != 0;
    s.rows = halve(height, c.downsample, either_odd);
    s.cols = halve(width, c.downsample, either_odd);
    s.border = c.downsample == Downsample::zero ? Border::zero : Border::clamp;
    return s;
}

// Whether a side, halved alone, leaves room for a window at every scale.
bool reaches(std::int64_t n, const Convention& c) {
    for (int j = 0; j < c.scales; j++) {
        const Padding padding = c.crop_contrast && j + 1 < c.scales ? Padding::valid : c.padding;
        if (n < shortest_side(padding, c.size)) return false;
        n = halve(n, c.downsample, n % 2 != 0).coarse;
    }
    return true;
}

}  // namespace

std::array<Scale, Convention::max_scales> scales_of(const ImageView& x, const Convention& c) {
    if (c.downsample == Downsample::none)
        throw std::invalid_argument(
            "this convention has no MS-SSIM (convention.downsample is none): choose another, or set downsample");
    std::array<Scale, Convention::max_scales> scales;
    std::int64_t height = x.height, width = x.width;
    for (int j = 0; j < c.scales; j++) {
        Scale& s = scales[static_cast<std::size_t>(j)];
        s = scale_of(height, width, c, j + 1 == c.scales);
        if (std::min(height, width) < shortest_side(s.padding, c.size)) {
            std::int64_t needed = 1;
            while (!reaches(needed, c)) needed++;
            throw std::invalid_argument(
                "height and width must be at least " + std::to_string(needed) + " for MS-SSIM of " +
                std::to_string(c.scales) + " scales with this convention; got " + std::to_string(x.height) + " x " +
                std::to_string(x.width) +
                ". Smaller images need a convention with padding, or fewer scales: a convention whose weights are "
                "the first few, divided by their sum");
        }
        height = s.rows.coarse;
        width = s.cols.coarse;
    }
    return scales;
}

HalveTask halve_task(PairSource source, const Scale& scale) {
    HalveTask task = {};
    source.pad = 1;
    source.border = scale.border;
    task.source = source;
    task.row_shift = 1 - scale.rows.start;
    task.col_shift = 1 - scale.cols.start;
    return task;
}

PairSource coarse_plane(const PairSource& plane, const HalveTask& halved, const Scale& next) {
    PairSource s = {};
    s.x = halved.u;
    s.y = halved.v;
    s.x_row = s.y_row = halved.row;
    s.x_sample = s.y_sample = 1;
    s.height = next.height;
    s.width = next.width;
    s.first_row = halved.target.row_begin;
    s.first_col = halved.target.col_begin;
    s.center_u = plane.center_u;
    s.center_v = plane.center_v;
    s.step = 1;
    s.border = Border::clamp;
    s.is_uv = true;
    return s;
}

}  // namespace limen::detail
