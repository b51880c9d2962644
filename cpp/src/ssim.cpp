#include <limen/ssim.hpp>

#include "checks.h"
#include "downsample.h"
#include "gradient_tiles.h"
#include "planes.h"
#include "reduce.h"
#include "scratch.h"
#include "threads.h"

#include <vector>

namespace limen {
namespace {

// Rows of positions in a task.
constexpr std::int64_t kForwardRows = 128;

bool is_half(const OutputView* out) { return out && (out->dtype == DType::float16 || out->dtype == DType::bfloat16); }

void check(const ImageView& x, const ImageView& y, double data_range, const Convention& convention) {
    check_pair(x, y);
    check_data_range(data_range, x.dtype);
    check_convention(convention);
    check_sides(x, shortest_side(convention.padding, convention.size), "SSIM");
}

}  // namespace

void ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention, Reduction reduction,
          double* scores, const OutputView* map) {
    using namespace detail;
    check(x, y, data_range, convention);
    const auto size = convention.map_size(x.height, x.width);
    const std::int64_t map_rows = size[0], map_cols = size[1];
    if (map) check_map(*map, x, map_rows, map_cols);
    if (const Downsampled small(x, y, convention); small.factor > 1) {
        check_sides(small.x, shortest_side(convention.padding, convention.size), "SSIM of the downsampled images");
        Convention plain = convention;
        plain.auto_downsample = false;
        return ssim(small.x, small.y, data_range, plain, reduction, scores, map);
    }

    const Engine engine = engine_for(x.dtype, data_range);
    const Planes planes = planes_of(x, y, true, map);
    const Formula formula = formula_of(convention, data_range, true);
    const Tiles tiles(map_rows, map_cols, kForwardRows, forward_columns(planes.step));
    const MomentLayout layout = moment_layout(formula.window.reach, planes.step, 0);
    std::vector<double> sums(static_cast<std::size_t>(planes.count * tiles.count() * planes.step));
    parallel_for(planes.count * tiles.count(), static_cast<std::size_t>(layout.total) * engine.number,
                 [&](std::int64_t i, void* scratch) {
                     ForwardTask task = {};
                     const std::int64_t plane = i / tiles.count();
                     task.positions = tiles[i % tiles.count()];
                     task.source = source_of(x, y, planes, plane);
                     pad(task.source, convention.padding, formula.window.reach);
                     centre(task.source,
                            unpadded(seen(task.positions, formula.window.reach), task.source.pad, x.height, x.width),
                            data_range);
                     task.formula = &formula;
                     task.sums = &sums[static_cast<std::size_t>(i * planes.step)];
                     task.map = plane_of(map, planes, plane);
                     task.scratch = scratch;
                     engine.kernels->forward(task);
                 });
    reduce(sums, planes, tiles.count(), static_cast<double>(map_rows * map_cols), x.channels, reduction, scores);
}

double ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention) {
    return detail::mean_of_batch(x.batch,
                                 [&](double* scores) { ssim(x, y, data_range, convention, Reduction::image, scores); });
}

void ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                   Reduction reduction, double* scores, const OutputView* grad_x, const OutputView* grad_y,
                   const ImageView* weights, double factor) {
    using namespace detail;
    if (!grad_x && !grad_y) return ssim(x, y, data_range, convention, reduction, scores);
    // SSIM is symmetric: the gradient of y alone is that of x with the images exchanged.
    if (!grad_x)
        return ssim_gradient(y, x, data_range, convention, reduction, scores, grad_y, nullptr, weights, factor);
    check(x, y, data_range, convention);
    const auto size = convention.map_size(x.height, x.width);
    const std::int64_t map_rows = size[0], map_cols = size[1];
    check_output("grad_x", *grad_x, x, x.height, x.width);
    if (grad_y) check_output("grad_y", *grad_y, x, x.height, x.width);
    if (weights) check_weights(*weights, x, map_rows, map_cols);
    // What padding adds to a gradient must not be rounded to half precision at every addition.
    const bool fold = folds(convention.padding), widen = fold && (is_half(grad_x) || is_half(grad_y));
    if (const Downsampled small(x, y, convention); small.factor > 1 || widen) {
        check_sides(small.x, shortest_side(convention.padding, convention.size), "SSIM of the downsampled images");
        Convention plain = convention;
        plain.auto_downsample = false;
        const DownsampledGradient gx(small.x, grad_x), gy(small.x, grad_y);
        ssim_gradient(small.x, small.y, data_range, plain, reduction, scores, gx.view(), gy.view(), weights, factor);
        gx.spread(small.factor);
        gy.spread(small.factor);
        return;
    }

    const Engine engine = engine_for(x.dtype, data_range);
    const Planes planes = planes_of(x, y, true, grad_x, grad_y, weights);
    const Formula formula = formula_of(convention, data_range, true);
    PairSource padding = {};
    pad(padding, convention.padding, formula.window.reach);
    const GradientTiles tiles(x.height + 2 * padding.pad, x.width + 2 * padding.pad, formula.window.reach, padding.pad,
                              planes.step);
    const GradientLayout layout = gradient_layout(tiles.widest(), formula.window.reach, planes.step, engine.number);
    const double count = static_cast<double>(map_rows * map_cols) *
                         (reduction == Reduction::image ? static_cast<double>(x.channels) : 1);
    std::vector<double> sums(static_cast<std::size_t>(planes.count * tiles.count() * planes.step));
    const std::size_t bytes = static_cast<std::size_t>(layout.total) * engine.number;
    parallel_for(planes.count * tiles.count(), bytes, [&](std::int64_t i, void* scratch) {
        GradientTask task = {};
        const std::int64_t plane = i / tiles.count();
        task.source = source_of(x, y, planes, plane);
        task.pixels = tiles[i % tiles.count()];
        const Region own = unpadded(task.pixels, padding.pad, x.height, x.width);
        centre(task.source, own, data_range);
        task.source.pad = padding.pad;
        task.source.border = padding.border;
        task.formula = &formula;
        task.position_rows = map_rows;
        task.position_cols = map_cols;
        task.scale = 2 * factor / (weights ? 1 : count);
        task.sums = &sums[static_cast<std::size_t>(i * planes.step)];
        task.weights = plane_of(weights, planes, plane);
        task.grad_x = plane_of(grad_x, planes, plane);
        task.grad_y = plane_of(grad_y, planes, plane);
        task.scratch = scratch;
        if (fold) {
            clear(task.grad_x, own, planes.step);
            clear(task.grad_y, own, planes.step);
        }
        engine.kernels->gradient(task);
    });
    reduce(sums, planes, tiles.count(), static_cast<double>(map_rows * map_cols), x.channels, reduction, scores);
}

}  // namespace limen
