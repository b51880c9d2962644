#include <limen/ms_ssim.hpp>

#include "checks.h"
#include "combine.h"
#include "plane_gradients.h"
#include "reduce.h"
#include "threads.h"
#include "tile_scales.h"

#include <algorithm>
#include <vector>

namespace limen {
namespace {

using namespace detail;

// Of planes that threads share: fewer, and they wait for one another. Of a plane that one thread does alone: a larger one has tasks for all.
constexpr std::int64_t kPixelsTogether = 1 << 18, kPixelsAlone = 1 << 20;

// Means [image][channel][scale] to scores, and, if wanted, the means that go with each.
void score(const std::vector<double>& means, const ImageView& x, const Convention& c, Reduction reduction,
           double* scores, double* scales) {
    const std::int64_t count = c.scales;
    if (reduction == Reduction::channels) {
        for (std::int64_t p = 0; p < x.batch * x.channels; p++)
            scores[p] = combine(c, &means[static_cast<std::size_t>(p * count)], nullptr);
        if (scales) std::copy(means.begin(), means.end(), scales);
        return;
    }
    for (std::int64_t i = 0; i < x.batch; i++) {
        const double* of_image = &means[static_cast<std::size_t>(i * x.channels * count)];
        double joint[Convention::max_scales] = {}, separate = 0;
        for (std::int64_t k = 0; k < x.channels * count; k++)
            joint[k % count] += of_image[k] / static_cast<double>(x.channels);
        for (std::int64_t k = 0; k < x.channels; k++)
            separate += combine(c, of_image + k * count, nullptr) / static_cast<double>(x.channels);
        scores[i] = c.channels == Channels::joint ? combine(c, joint, nullptr) : separate;
        if (scales) std::copy_n(joint, count, scales + i * count);
    }
}

// Means [plane][scale] to the slopes of each plane's score: its own, or its image's. A joint score takes an image's planes.
void slopes_of(const double* means, std::int64_t planes, std::int64_t channels, const Convention& c,
               Reduction reduction, double factor, double* slopes) {
    const std::int64_t count = c.scales;
    const bool joint = c.channels == Channels::joint && reduction == Reduction::image;
    const double share = reduction == Reduction::image ? 1 / static_cast<double>(channels) : 1;
    for (std::int64_t p = 0; p < planes; p++) {
        double mean[Convention::max_scales] = {};
        for (std::int64_t k = 0; joint && k < channels * count; k++)
            mean[k % count] += share * means[p / channels * channels * count + k];
        combine(c, joint ? mean : means + p * count, slopes + p * count);
        for (std::int64_t j = 0; j < count; j++) slopes[p * count + j] *= factor * share;
    }
}

Scales check(const ImageView& x, const ImageView& y, double data_range, const Convention& convention) {
    check_pair(x, y);
    check_data_range(data_range, x.dtype);
    check_convention(convention);
    return scales_of(x, convention);
}

}  // namespace

void ms_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
             Reduction reduction, double* scores, double* scales) {
    const Scales geometry = check(x, y, data_range, convention);
    const Engine engine = engine_for(x.dtype, data_range);
    const Formula contrast = formula_of(convention, data_range, false), full = formula_of(convention, data_range, true);
    const TiledScales tiled(geometry, convention, contrast, full, engine);
    const Planes planes = planes_of(x, y, false);
    const auto count = static_cast<std::size_t>(convention.scales);
    const std::int64_t tiles = tiled.tiles();
    std::vector<double> sums(static_cast<std::size_t>(planes.count * tiles) * count);
    parallel_for(planes.count * tiles, tiled.scratch_bytes(), [&](std::int64_t i, void* scratch) {
        PairSource plane = source_of(x, y, planes, i / tiles);
        centre(plane, {0, x.height, 0, x.width}, data_range);
        tiled.sum(plane, i % tiles, &sums[static_cast<std::size_t>(i) * count], scratch);
    });
    std::vector<double> means(static_cast<std::size_t>(planes.count) * count);
    for (std::size_t p = 0; p < static_cast<std::size_t>(planes.count); p++)
        for (std::size_t j = 0; j < count; j++) {
            for (std::size_t t = 0; t < static_cast<std::size_t>(tiles); t++)
                means[p * count + j] += sums[(p * static_cast<std::size_t>(tiles) + t) * count + j];
            means[p * count + j] /= static_cast<double>(geometry[j].position_rows * geometry[j].position_cols);
        }
    score(means, x, convention, reduction, scores, scales);
}

double ms_ssim(const ImageView& x, const ImageView& y, double data_range, const Convention& convention) {
    return mean_of_batch(x.batch,
                         [&](double* scores) { ms_ssim(x, y, data_range, convention, Reduction::image, scores); });
}

void ms_ssim_gradient(const ImageView& x, const ImageView& y, double data_range, const Convention& convention,
                      Reduction reduction, double* scores, const OutputView* grad_x, const OutputView* grad_y,
                      double factor) {
    if (!grad_x && !grad_y) return ms_ssim(x, y, data_range, convention, reduction, scores);
    // MS-SSIM is symmetric: the gradient of y alone is that of x with the images exchanged.
    if (!grad_x) return ms_ssim_gradient(y, x, data_range, convention, reduction, scores, grad_y, nullptr, factor);
    const Scales geometry = check(x, y, data_range, convention);
    check_output("grad_x", *grad_x, x, x.height, x.width);
    if (grad_y) check_output("grad_y", *grad_y, x, x.height, x.width);
    const Engine engine = engine_for(x.dtype, data_range);
    const std::int64_t planes = x.batch * x.channels, count = convention.scales, threads = num_threads();
    // A joint score needs the means of all its channels before it has slopes.
    const std::int64_t whole = convention.channels == Channels::joint ? x.channels : 1;
    // Small planes, while every thread can have a group of its own, go from the first scale to the gradient alone and wait for nobody. What
    // is left is done by all: as many planes at a time as keep the threads busy, so that the coarser scales of few wait in memory.
    const std::int64_t pixels = x.height * x.width;
    const std::int64_t alone = pixels <= kPixelsAlone ? planes / whole / threads * threads : 0;
    const std::int64_t left = planes - alone * whole, wanted = std::max(threads, kPixelsTogether / pixels);
    const std::int64_t together = std::min((wanted + whole - 1) / whole * whole, left);
    const PlaneGradients work(geometry, convention, data_range, engine, *grad_x, grad_y);
    std::vector<double> means(static_cast<std::size_t>(planes * count));
    const auto differentiate = [&](std::int64_t first, std::int64_t many, void* memory) {
        double* const their_means = &means[static_cast<std::size_t>(first * count)];
        std::vector<double> slopes(static_cast<std::size_t>(many * count));
        work.differentiate(x, y, first, many, memory, their_means);
        slopes_of(their_means, many, x.channels, convention, reduction, factor, slopes.data());
        work.combine(first, many, memory, slopes.data());
    };
    parallel_for(alone, work.bytes(whole),
                 [&](std::int64_t i, void* memory) { differentiate(i * whole, whole, memory); });
    const KeptMemory memory = take_memory(work.bytes(together));
    for (std::int64_t first = alone * whole; first < planes; first += together)
        differentiate(first, std::min(together, planes - first), memory.get());
    score(means, x, convention, reduction, scores, nullptr);
}

}  // namespace limen
