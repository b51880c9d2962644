#include <limen/pixel_errors.hpp>

#include "checks.h"
#include "planes.h"
#include "reduce.h"
#include "scratch.h"
#include "threads.h"

#include <cmath>
#include <vector>

namespace limen {
namespace {

using namespace detail;

// Means of squared or absolute differences.
void mean_errors(const ImageView& x, const ImageView& y, bool square, Reduction reduction, double* scores) {
    check_pair(x, y);
    const Engine engine = engine_for(x.dtype, 1);
    const Planes planes = planes_of(x, y, true);
    const Tiles tiles(x.height, x.width, 128, forward_columns(planes.step));
    std::vector<double> sums[2];
    for (std::vector<double>& s : sums) s.resize(static_cast<std::size_t>(planes.count * tiles.count() * planes.step));
    const std::int64_t numbers = error_numbers(tiles.tile_cols, planes.step);
    parallel_for(planes.count * tiles.count(), static_cast<std::size_t>(numbers) * engine.number,
                 [&](std::int64_t i, void* scratch) {
                     ErrorTask task = {};
                     task.source = source_of(x, y, planes, i / tiles.count());
                     task.pixels = tiles[i % tiles.count()];
                     task.squared = &sums[0][static_cast<std::size_t>(i * planes.step)];
                     task.absolute = &sums[1][static_cast<std::size_t>(i * planes.step)];
                     task.scratch = scratch;
                     engine.kernels->errors(task);
                 });
    reduce(sums[square ? 0 : 1], planes, tiles.count(), static_cast<double>(x.height * x.width), x.channels, reduction,
           scores);
}

}  // namespace

void mse(const ImageView& x, const ImageView& y, Reduction reduction, double* scores) {
    mean_errors(x, y, true, reduction, scores);
}

void mae(const ImageView& x, const ImageView& y, Reduction reduction, double* scores) {
    mean_errors(x, y, false, reduction, scores);
}

void psnr(const ImageView& x, const ImageView& y, double data_range, Reduction reduction, double* scores) {
    check_pair(x, y);
    check_data_range(data_range, x.dtype);
    mse(x, y, reduction, scores);
    const std::int64_t count = reduction == Reduction::image ? x.batch : x.batch * x.channels;
    for (std::int64_t i = 0; i < count; i++) scores[i] = 10 * std::log10(data_range * data_range / scores[i]);
}

}  // namespace limen
