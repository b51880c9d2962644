#include "ssim_calls.h"

#include "checks.h"
#include "downsample.h"
#include "means.h"
#include "pixel_errors.h"
#include "plane_gradient.h"

#include "../../cpp/src/downsample.h"

#include <optional>

namespace limen::cuda {
namespace {

using detail::positions;
using detail::shortest_side;

// Of images that are known to agree.
void check_options(const ImageView& x, double data_range, const Convention& convention) {
    detail::check_data_range(data_range, x.dtype);
    detail::check_convention(convention);
    const int64_t needed = shortest_side(convention.padding, convention.size);
    detail::check_sides(x, needed, "SSIM");
    const auto map = convention.map_size(x.height, x.width);
    if (map[0] < 1 || map[1] < 1)
        detail::check_sides(x, needed * detail::downsample_factor(convention, x.height, x.width),
                            "SSIM of the downsampled images");
}

void check_images(const SsimCall& call) {
    detail::check_pair(call.x, call.y);
    check_sizes(call.x);
    check_options(call.x, call.data_range, call.convention);
    if (call.scores) check_scores("scores", call.scores->data, call.scores->dtype);
    if (call.upstream) check_scores("upstream", call.upstream->data, call.upstream->dtype);
    if (!(call.weight >= 0 && call.weight <= 1))
        throw std::invalid_argument("weight must be from 0 to 1; got " + std::to_string(call.weight));
}

// The sizes of everything, and its place in the workspace: counted or handed out in the same order.
struct Layout {
    Engine engine;
    int64_t planes, height, width;  // of what SSIM is taken of
    int factor;                     // of its downsampling
    int64_t rows, cols;             // positions
    int together;
    void* small_x = nullptr;
    void* small_y = nullptr;
    double* absolute = nullptr;
    TileGrid absolute_grid = {};
    bool fused;

    Layout(const ImageView& x, double data_range, const Convention& c, bool with_absolute, bool forward, Pieces& pieces)
        : engine(engine_for(x.dtype, data_range, c)),
          planes(x.batch * x.channels),
          factor(static_cast<int>(detail::downsample_factor(c, x.height, x.width))) {
        height = x.height / factor;
        width = x.width / factor;
        rows = positions(height, c.padding, c.size);
        cols = positions(width, c.padding, c.size);
        together = factor > 1 ? 1 : planes_together(x);
        if (factor > 1) {
            small_x = pieces.take_bytes(planes * height * width * number());
            small_y = pieces.take_bytes(planes * height * width * number());
        }
        // The sliding kernel finds the absolute errors on its way, but not those under a downsampling.
        fused = with_absolute && forward && engine.sliding && factor == 1;
        if (with_absolute && !fused) {
            absolute_grid = error_grid(x);
            absolute = pieces.take<double>(planes * absolute_grid.tiles());
        }
    }
    int64_t number() const { return engine.wide ? 8 : 4; }
    DType dtype() const { return engine.wide ? DType::float64 : DType::float32; }
    double count() const { return static_cast<double>(rows) * static_cast<double>(cols); }

    // The images, or the block means that are made of them here.
    Source source(const SsimCall& call, cudaStream_t stream) const {
        Source s = source_of(call.x, call.y);
        if (factor > 1) {
            const double part = 1 / (static_cast<double>(factor) * factor);
            const DownsampleParams p = {s,    planes,  factor, static_cast<int>(height), static_cast<int>(width),
                                        part, small_x, small_y};
            check(downsample(p, engine.wide, stream), "downsampling");
            s = source_of(ImageView::planar(small_x, dtype(), height, width, call.x.channels, call.x.batch),
                          ImageView::planar(small_y, dtype(), height, width, call.x.channels, call.x.batch));
        }
        pad(s, call.convention.padding, call.convention.size / 2);
        center_within(s, call.data_range);
        return s;
    }
};

void start_absolute(const SsimCall& call, const Layout& layout, cudaStream_t stream) {
    if (!call.scores || !layout.absolute || layout.fused) return;  // nobody else asks for them
    const ErrorParams p = {source_of(call.x, call.y), layout.absolute_grid, false, layout.absolute, false};
    check(errors(p, stream), "absolute errors");
}

void start_scores(const SsimCall& call, const Layout& layout, const double* sums, int64_t tiles, cudaStream_t stream) {
    if (!call.scores) return;
    Means means = means_of(sums, tiles, call.x.batch, call.x.channels, call.reduction == Reduction::channels,
                           layout.count(), call.scores->data, call.scores->dtype);
    if (call.with_absolute) {
        means.offset = call.weight;
        means.scale = -call.weight;
        means.more = layout.absolute;
        means.more_tiles = layout.absolute_grid.tiles();
        means.more_count = static_cast<double>(call.x.height) * static_cast<double>(call.x.width);
        means.more_scale = 1 - call.weight;
    }
    check(mean(means, stream), "mean of SSIM");
}

struct ForwardLayout : Layout {
    TileGrid grid;
    double* sums;

    ForwardLayout(const ImageView& x, double data_range, const Convention& c, bool with_absolute, Pieces& pieces)
        : Layout(x, data_range, c, with_absolute, true, pieces),
          grid(forward_grid(engine, planes, rows, cols, together)),
          sums(pieces.take<double>(planes * grid.tiles())) {
        if (!fused) return;
        absolute_grid = grid;
        absolute = pieces.take<double>(planes * grid.tiles());
    }
};

struct GradientLayout : Layout {
    void* small_grads[2] = {};
    PlaneGradient gradient = {};
    GradientWork work;

    GradientLayout(const ImageView& x, double data_range, const Convention& c, bool with_absolute, Pieces& pieces)
        : Layout(x, data_range, c, with_absolute, false, pieces) {
        if (factor > 1)
            for (void*& grad : small_grads) grad = pieces.take_bytes(planes * height * width * number());
        // Of the source, only what sizes depend on.
        gradient.source.height = static_cast<int>(height);
        gradient.source.width = static_cast<int>(width);
        pad(gradient.source, c.padding, c.size / 2);
        gradient.planes = planes;
        gradient.position_rows = static_cast<int>(rows);
        gradient.position_cols = static_cast<int>(cols);
        gradient.together = together;
        gradient.formula = detail::formula_of(c, data_range, true);
        gradient.engine = engine;
        work = gradient_work(pieces, gradient);
    }
};

Factor factor_of(const SsimCall& call, double value) {
    Factor f = {};
    f.value = value * call.factor;
    if (!call.upstream) return f;
    f.data = call.upstream->data;
    f.dtype = call.upstream->dtype;
    f.planes_each = call.reduction == Reduction::channels ? 1 : static_cast<int>(call.x.channels);
    f.stride = 1;
    return f;
}

}  // namespace

std::size_t forward_bytes(const ImageView& x, double data_range, const Convention& convention, bool with_absolute) {
    check_shape(x);
    check_options(x, data_range, convention);
    Pieces pieces;
    ForwardLayout(x, data_range, convention, with_absolute, pieces);
    return pieces.bytes();
}

std::size_t gradient_bytes(const ImageView& x, double data_range, const Convention& convention, bool with_absolute) {
    check_shape(x);
    check_options(x, data_range, convention);
    Pieces pieces;
    GradientLayout(x, data_range, convention, with_absolute, pieces);
    return pieces.bytes();
}

void run_forward(const SsimCall& call, const Workspace& workspace, cudaStream_t stream) {
    check_images(call);
    const auto size = call.convention.map_size(call.x.height, call.x.width);
    if (call.map) detail::check_map(*call.map, call.x, size[0], size[1]);
    Pieces pieces(workspace, forward_bytes(call.x, call.data_range, call.convention, call.with_absolute));
    const ForwardLayout layout(call.x, call.data_range, call.convention, call.with_absolute, pieces);
    blocks_of(layout.grid);

    const Formula formula = detail::formula_of(call.convention, call.data_range, true);
    ForwardParams p =
        forward_params(layout.engine.wide, layout.source(call, stream), layout.grid, formula, layout.sums);
    p.map = output_of(call.map);
    if (layout.fused) p.absolute = layout.absolute;
    check(forward(layout.engine, p, stream), "SSIM");
    start_absolute(call, layout, stream);
    start_scores(call, layout, layout.sums, layout.grid.tiles(), stream);
}

void run_gradient(const SsimCall& call, const Workspace& workspace, cudaStream_t stream) {
    check_images(call);
    detail::check_output("grad_x", *call.grad_x, call.x, call.x.height, call.x.width);
    if (call.grad_y) detail::check_output("grad_y", *call.grad_y, call.x, call.x.height, call.x.width);
    const auto size = call.convention.map_size(call.x.height, call.x.width);
    if (call.weights) detail::check_weights(*call.weights, call.x, size[0], size[1]);
    Pieces pieces(workspace, gradient_bytes(call.x, call.data_range, call.convention, call.with_absolute));
    const GradientLayout layout(call.x, call.data_range, call.convention, call.with_absolute, pieces);
    blocks_of(layout.work.grid);

    const double images = call.reduction == Reduction::image ? static_cast<double>(call.x.channels) : 1;
    const double pixels = static_cast<double>(call.x.height) * static_cast<double>(call.x.width);
    PlaneGradient g = layout.gradient;
    g.source = layout.source(call, stream);
    g.weights = output_of(call.weights);
    const Output outputs[] = {output_of(call.grad_x), output_of(call.grad_y)};
    // Slopes are halves.
    const double ssim = (call.with_absolute ? -call.weight : 1) * 2 / (call.weights ? 1 : layout.count() * images);
    g.out.planes = layout.planes;
    g.out.factor = factor_of(call, ssim);
    GradientOutput full = g.out;
    full.x = outputs[0];
    full.y = outputs[1];
    full.has_absolute = call.with_absolute;
    full.absolute = factor_of(call, (1 - call.weight) / (pixels * images));
    if (layout.factor == 1) {
        g.out = full;
        start_gradient(g, layout.work, stream);
    } else {
        const auto small = [&](void* data) {
            const OutputView view =
                OutputView::planar(data, layout.dtype(), layout.height, layout.width, call.x.channels, call.x.batch);
            return output_of(&view);
        };
        g.out.x = small(layout.small_grads[0]);
        if (call.grad_y) g.out.y = small(layout.small_grads[1]);
        start_gradient(g, layout.work, stream);
        SpreadParams p = {};
        p.source = source_of(call.x, call.y);
        p.planes = layout.planes;
        p.factor = layout.factor;
        p.height = static_cast<int>(layout.height);
        p.width = static_cast<int>(layout.width);
        p.part = 1 / (static_cast<double>(layout.factor) * layout.factor);
        p.x = layout.small_grads[0];
        p.y = layout.small_grads[1];
        p.out = full;
        check(spread(p, layout.engine.wide, stream), "gradient of the downsampling");
    }
    start_absolute(call, layout, stream);
    start_scores(call, layout, layout.work.sums, layout.work.grid.tiles(), stream);
}

}  // namespace limen::cuda
