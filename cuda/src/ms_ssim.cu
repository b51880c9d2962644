#include "checks.h"
#include "combine.h"
#include "halve.h"
#include "means.h"
#include "plane_gradient.h"

#include <array>

namespace limen::cuda {
namespace {

using detail::Scale;
constexpr int kMostScales = Convention::max_scales;

// The sizes of everything, and its place in the workspace: counted or handed out in the same order.
struct Layout {
    const Convention& convention;
    double data_range;
    Engine engine;
    int64_t planes;
    std::array<Scale, kMostScales> scales;
    std::array<TileGrid, kMostScales> grids;
    std::array<double*, kMostScales> sums;
    std::array<void*, kMostScales> u = {}, v = {};  // of the coarser scales
    double* centers = nullptr;                      // [plane][2]
    double* means;                                  // [plane][scale]

    // What the gradient has a use for, too, lies in `kept`.
    Layout(const ImageView& x, double range, const Convention& c, Pieces& pieces, Pieces& kept)
        : convention(c),
          data_range(range),
          engine(engine_for(x.dtype, range, c)),
          planes(x.batch * x.channels),
          scales(detail::scales_of(x, c)) {
        for (int j = 0; j < c.scales; j++) {
            const Scale& s = scale(j);
            TileGrid& grid = grids[at(j)];
            grid = forward_grid(engine, planes, s.position_rows, s.position_cols, j == 0 ? planes_together(x) : 1);
            sums[at(j)] = pieces.take<double>(planes * grid.tiles());
            if (j == 0) continue;
            u[at(j)] = kept.take_bytes(planes * s.height * s.width * number());
            v[at(j)] = kept.take_bytes(planes * s.height * s.width * number());
        }
        // A zero pixel must be one in the coarser scales, too.
        if (c.padding != Padding::zero && c.downsample != Downsample::zero) centers = kept.take<double>(2 * planes);
        means = kept.take<double>(planes * c.scales);
    }

    static std::size_t at(int j) { return static_cast<std::size_t>(j); }
    const Scale& scale(int j) const { return scales[at(j)]; }
    int64_t number() const { return engine.wide ? 8 : 4; }
    DType dtype() const { return engine.wide ? DType::float64 : DType::float32; }

    // The images, or what halving left of them, unpadded.
    Source source(const ImageView& x, const ImageView& y, int j) const {
        Source s = j == 0 ? source_of(x, y)
                          : source_of_uv(u[at(j)], v[at(j)], dtype(), planes, static_cast<int>(scale(j).height),
                                         static_cast<int>(scale(j).width), centers);
        center_within(s, data_range);
        return s;
    }
    Formula formula(int j) const { return detail::formula_of(convention, data_range, j + 1 == convention.scales); }
};

struct GradientLayout : Layout {
    double* slopes;                                           // [plane][scale]
    std::array<void*, kMostScales> grad_x = {}, grad_y = {};  // of the coarser scales
    std::array<PlaneGradient, kMostScales> gradients;
    std::array<GradientWork, kMostScales> work;

    GradientLayout(const ImageView& x, double range, const Convention& c, Pieces& pieces, Pieces& kept)
        : Layout(x, range, c, pieces, kept) {
        slopes = pieces.take<double>(planes * c.scales);
        for (int j = 1; j < c.scales; j++)
            for (auto* grads : {&grad_x, &grad_y})
                (*grads)[at(j)] = pieces.take_bytes(planes * scale(j).height * scale(j).width * number());
        const std::size_t place = pieces.place();
        for (int j = 0; j < c.scales; j++) {
            const Scale& s = scale(j);
            PlaneGradient& g = gradients[at(j)];
            g = {};
            // Of the source, only what sizes depend on.
            g.source.height = static_cast<int>(s.height);
            g.source.width = static_cast<int>(s.width);
            pad(g.source, s.padding, c.size / 2);
            g.planes = planes;
            g.position_rows = static_cast<int>(s.position_rows);
            g.position_cols = static_cast<int>(s.position_cols);
            g.together = j == 0 ? planes_together(x) : 1;
            g.formula = formula(j);
            g.engine = engine;
            pieces.reuse(place);
            work[at(j)] = gradient_work(pieces, g);
        }
    }
};

void check_images(const ImageView& x, const ImageView& y, double data_range, const Convention& convention) {
    detail::check_pair(x, y);
    detail::check_data_range(data_range, x.dtype);
    detail::check_convention(convention);
    check_sizes(x);
}

// For those who ask how much memory images take.
void check_options(const ImageView& x, double data_range, const Convention& convention) {
    check_shape(x);
    detail::check_data_range(data_range, x.dtype);
    detail::check_convention(convention);
}

// Means of all scales.
void start_means(const Layout& layout, const ImageView& x, const ImageView& y, cudaStream_t stream) {
    const int count = layout.convention.scales;
    ScaleMeans means = {};
    means.scales = count;
    means.planes = layout.planes;
    means.out = layout.means;
    for (int j = 0; j < count; j++) {
        const Scale& s = layout.scale(j);
        const std::size_t at = Layout::at(j);
        Source source = layout.source(x, y, j);
        const bool last = j + 1 == count, zero = s.border == Border::zero;
        if (!last && !layout.engine.sliding) {
            const HalveParams p = {source, s.rows, s.cols, zero, layout.centers, layout.u[at + 1], layout.v[at + 1]};
            check(halve(p, layout.planes, layout.engine.wide, stream), "halving");
        }
        pad(source, s.padding, layout.convention.size / 2);
        ForwardParams p =
            forward_params(layout.engine.wide, source, layout.grids[at], layout.formula(j), layout.sums[at]);
        if (!last && layout.engine.sliding)
            p.coarse = {s.rows,
                        s.cols,
                        zero,
                        layout.centers,
                        static_cast<float*>(layout.u[at + 1]),
                        static_cast<float*>(layout.v[at + 1])};
        check(forward(layout.engine, p, stream), "a scale of MS-SSIM");
        means.scale[j] = {layout.sums[at], layout.grids[at].tiles(),
                          static_cast<double>(s.position_rows) * static_cast<double>(s.position_cols)};
    }
    check(mean_of_scales(means, stream), "means of the scales");
}

CombineParams combine_params(const Layout& layout, const ImageView& x, Reduction reduction) {
    const Convention& c = layout.convention;
    CombineParams p = {};
    p.means = layout.means;
    p.planes = static_cast<int>(layout.planes);
    p.channels = static_cast<int>(x.channels);
    p.scales = c.scales;
    for (int j = 0; j < c.scales; j++) p.weights[j] = c.weights[Layout::at(j)];
    p.clamp = c.negative == Negative::clamp;
    p.joint = c.channels == Channels::joint;
    p.per_channel = reduction == Reduction::channels;
    return p;
}

Pieces state_of(const Workspace* state, const ImageView& x, double data_range, const Convention& convention) {
    return state ? Pieces(*state, ms_ssim_state_bytes(x, data_range, convention)) : Pieces();
}

}  // namespace

std::size_t ms_ssim_workspace_bytes(const ImageView& x, double data_range, const Convention& convention) {
    check_options(x, data_range, convention);
    Pieces pieces;
    Layout(x, data_range, convention, pieces, pieces);
    return pieces.bytes();
}

std::size_t ms_ssim_state_bytes(const ImageView& x, double data_range, const Convention& convention) {
    check_options(x, data_range, convention);
    Pieces pieces, kept;
    Layout(x, data_range, convention, pieces, kept);
    return kept.bytes();
}

void ms_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
             Reduction reduction, const Scores& scores, const Scores* scales, const Workspace& workspace, void* stream,
             const Workspace* state) {
    check_images(x, y, data_range, convention);
    check_scores("scores", scores.data, scores.dtype);
    if (scales) check_scores("scales", scales->data, scales->dtype);
    Pieces pieces(workspace, ms_ssim_workspace_bytes(x, data_range, convention));
    Pieces kept = state_of(state, x, data_range, convention);
    const Layout layout(x, data_range, convention, pieces, state ? kept : pieces);
    blocks_of(layout.grids[0]);

    CombineParams p = combine_params(layout, x, reduction);
    p.scores = scores.data;
    p.score_dtype = scores.dtype;
    if (scales) {
        p.scale_means = scales->data;
        p.scale_dtype = scales->dtype;
    }
    start_means(layout, x, y, static_cast<cudaStream_t>(stream));
    check(combine(p, static_cast<cudaStream_t>(stream)), "MS-SSIM");
}

std::size_t ms_ssim_gradient_workspace_bytes(const ImageView& x, double data_range, const Convention& convention) {
    check_options(x, data_range, convention);
    Pieces pieces;
    GradientLayout(x, data_range, convention, pieces, pieces);
    return pieces.bytes();
}

void ms_ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                      Reduction reduction, const Scores* scores, const OutputView* grad_x, const OutputView* grad_y,
                      const Upstream* upstream, double factor, const Workspace& workspace, void* stream,
                      const Workspace* state) {
    if (!grad_x && !grad_y) {
        if (scores) ms_ssim(x, y, data_range, convention, reduction, *scores, nullptr, workspace, stream);
        return;
    }
    // MS-SSIM is symmetric: the gradient of y alone is that of x with the images exchanged. The state has their difference the other way
    // round, and is of no use.
    if (!grad_x)
        return ms_ssim_gradient(y, x, data_range, convention, reduction, scores, grad_y, nullptr, upstream, factor,
                                workspace, stream);
    check_images(x, y, data_range, convention);
    detail::check_output("grad_x", *grad_x, x, x.height, x.width);
    if (grad_y) detail::check_output("grad_y", *grad_y, x, x.height, x.width);
    if (scores) check_scores("scores", scores->data, scores->dtype);
    if (upstream) check_scores("upstream", upstream->data, upstream->dtype);
    Pieces pieces(workspace, ms_ssim_gradient_workspace_bytes(x, data_range, convention));
    Pieces kept = state_of(state, x, data_range, convention);
    const GradientLayout layout(x, data_range, convention, pieces, state ? kept : pieces);
    blocks_of(layout.grids[0]);
    blocks_of(layout.work[0].grid);

    CombineParams p = combine_params(layout, x, reduction);
    if (scores) {
        p.scores = scores->data;
        p.score_dtype = scores->dtype;
    }
    p.slopes = layout.slopes;
    p.factor.value = factor;
    if (upstream) p.factor = {factor, upstream->data, upstream->dtype, p.per_channel ? 1 : p.channels, 1, 0};
    if (!state) start_means(layout, x, y, static_cast<cudaStream_t>(stream));
    check(combine(p, static_cast<cudaStream_t>(stream)), "MS-SSIM");

    for (int j = convention.scales - 1; j >= 0; j--) {
        const Scale& s = layout.scale(j);
        const std::size_t at = Layout::at(j);
        PlaneGradient g = layout.gradients[at];
        g.source = layout.source(x, y, j);
        pad(g.source, s.padding, convention.size / 2);
        g.out.planes = layout.planes;
        // Slopes of windows are halves.
        const double count = static_cast<double>(s.position_rows) * static_cast<double>(s.position_cols);
        g.out.factor = {2 / count, layout.slopes, DType::float64, 1, convention.scales, j};
        const auto output = [&](const OutputView* full, void* coarse) {
            const OutputView view = OutputView::planar(coarse, layout.dtype(), s.height, s.width, 1, layout.planes);
            return output_of(j == 0 ? full : &view);
        };
        g.out.x = output(grad_x, layout.grad_x[at]);
        if (grad_y) g.out.y = output(grad_y, layout.grad_y[at]);
        if (j + 1 < convention.scales)
            g.out.coarse = {layout.grad_x[at + 1], grad_y ? layout.grad_y[at + 1] : nullptr, s.rows, s.cols};
        start_gradient(g, layout.work[at], static_cast<cudaStream_t>(stream));
    }
}

}  // namespace limen::cuda
