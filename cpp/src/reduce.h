#pragma once

#include "planes.h"

#include <vector>

namespace limen::detail {

/// Adds up the tasks' sums, [plane][tile][step], always in this order: means over `count` positions, per image or per channel.
inline void reduce(const std::vector<double>& sums, const Planes& planes, std::int64_t tiles, double count,
                   std::int64_t channels, Reduction reduction, double* scores) {
    const std::int64_t batch = planes.count / planes.per_image;
    for (std::int64_t b = 0; b < batch; b++) {
        double image = 0;
        for (std::int64_t c = 0; c < channels; c++) {
            const std::int64_t plane = b * planes.per_image + c / planes.step;
            double channel = 0;
            for (std::int64_t t = 0; t < tiles; t++)
                channel += sums[static_cast<std::size_t>((plane * tiles + t) * planes.step + c % planes.step)];
            if (reduction == Reduction::channels) scores[b * channels + c] = channel / count;
            image += channel / count;
        }
        if (reduction == Reduction::image) scores[b] = image / static_cast<double>(channels);
    }
}

/// The mean of the scores that `compute` fills in, one for each image.
template <class Compute>
double mean_of_batch(std::int64_t batch, const Compute& compute) {
    std::vector<double> scores(static_cast<std::size_t>(std::max<std::int64_t>(batch, 1)));
    compute(scores.data());
    double sum = 0;
    for (const double score : scores) sum += score;
    return sum / static_cast<double>(scores.size());
}

}  // namespace limen::detail
