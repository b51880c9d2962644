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

// Sums [plane][tile][sample] of differences.
struct Sums {
    std::vector<double> squared, absolute;
};

Sums add_up(const ImageView& x, const ImageView& y, const Planes& planes, const Tiles& tiles, const Engine& engine) {
    const auto count = static_cast<std::size_t>(planes.count * tiles.count() * planes.step);
    Sums sums = {std::vector<double>(count), std::vector<double>(count)};
    const std::int64_t numbers = error_numbers(tiles.tile_cols, planes.step);
    parallel_for(planes.count * tiles.count(), static_cast<std::size_t>(numbers) * engine.number,
                 [&](std::int64_t i, void* scratch) {
                     ErrorTask task = {};
                     task.source = source_of(x, y, planes, i / tiles.count());
                     task.pixels = tiles[i % tiles.count()];
                     task.squared = &sums.squared[static_cast<std::size_t>(i * planes.step)];
                     task.absolute = &sums.absolute[static_cast<std::size_t>(i * planes.step)];
                     task.scratch = scratch;
                     engine.kernels->errors(task);
                 });
    return sums;
}

// Whether squares in float32 may have become zeros or infinite.
bool squares_left_float32(const Sums& sums) {
    for (std::size_t i = 0; i < sums.squared.size(); i++)
        if (sums.absolute[i] != 0 && !(sums.squared[i] >= 1e-30 && sums.squared[i] <= 1e36)) return true;
    return false;
}

// Means of squared or absolute differences.
void mean_errors(const ImageView& x, const ImageView& y, bool square, Reduction reduction, double* scores) {
    check_pair(x, y);
    const Planes planes = planes_of(x, y, true);
    const Tiles tiles(x.height, x.width, 128, forward_columns(planes.step));
    Sums sums = add_up(x, y, planes, tiles, engine_for(x.dtype, 1));
    if (x.dtype == DType::float32 && squares_left_float32(sums))
        sums = add_up(x, y, planes, tiles, engine_for(DType::float64, 1));
    reduce(square ? sums.squared : sums.absolute, planes, tiles.count(), static_cast<double>(x.height * x.width),
           x.channels, reduction, scores);
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
