#include "plane_gradients.h"

#include "gradient_tiles.h"
#include "scratch.h"

#include <vector>

namespace limen::detail {
namespace {

constexpr std::int64_t kHalveRows = 64;

}  // namespace

PlaneGradients::PlaneGradients(const std::array<Scale, Convention::max_scales>& scales, const Convention& convention,
                               double data_range, const Engine& engine, const OutputView& grad_x,
                               const OutputView* grad_y)
    : scales_(scales),
      convention_(convention),
      data_range_(data_range),
      engine_(engine),
      contrast_(formula_of(convention, data_range, false)),
      full_(formula_of(convention, data_range, true)),
      grad_x_(grad_x),
      grad_y_(grad_y ? *grad_y : OutputView{}),
      both_(grad_y != nullptr),
      plane_bytes_(0) {
    const DType number = engine.number == 8 ? DType::float64 : DType::float32;
    const auto fits = [number](const OutputView& out) { return out.dtype == number && out.column_stride == 1; };
    direct_ = fits(grad_x_) && (!both_ || fits(grad_y_));
    for (int j = 0; j < convention.scales; j++) {
        offsets_[j] = plane_bytes_;
        const std::int64_t one =
            scale(j).height * row_pitch(scale(j).width, engine.number) * static_cast<std::int64_t>(engine.number);
        plane_bytes_ += one * (j == 0 ? (direct_ ? 0 : both_ ? 2 : 1) : both_ ? 4 : 3);
    }
}

PlaneGradients::Buffer PlaneGradients::buffer(void* memory, std::int64_t i, int j, Content content) const {
    const std::int64_t row = row_pitch(scale(j).width, engine_.number);
    const std::int64_t one = scale(j).height * row * static_cast<std::int64_t>(engine_.number);
    const int part = j == 0 ? content - gradient_x : content;  // the finest scale's u and v are the images
    return {static_cast<char*>(memory) + i * plane_bytes_ + offsets_[j] + part * one, row};
}

Plane PlaneGradients::output(const OutputView& out, std::int64_t plane) const {
    return plane_of(&out, Planes{1, out.batch * out.channels, out.channels}, plane);
}

Plane PlaneGradients::gradient_of(std::int64_t first, void* memory, std::int64_t i, int j, Content content) const {
    if (content == gradient_y && !both_) return {nullptr, 0, 0, DType::float32};
    if (j == 0 && direct_) return output(content == gradient_x ? grad_x_ : grad_y_, first + i);
    const Buffer b = buffer(memory, i, j, content);
    return {b.data, b.row, 1, engine_.number == 8 ? DType::float64 : DType::float32};
}

PairSource PlaneGradients::source(const PairSource& finest, void* memory, std::int64_t i, int j) const {
    if (j == 0) return finest;
    HalveTask halved = {};
    halved.u = buffer(memory, i, j, u).data;
    halved.v = buffer(memory, i, j, v).data;
    halved.row = buffer(memory, i, j, u).row;
    return coarse_plane(finest, halved, scale(j));
}

void PlaneGradients::differentiate(const ImageView& x, const ImageView& y, std::int64_t first, std::int64_t count,
                                   void* memory, double* means) const {
    const Planes planes = planes_of(x, y, false);
    std::vector<PairSource> finest(static_cast<std::size_t>(count));
    for (std::int64_t p = 0; p < count; p++) {
        finest[static_cast<std::size_t>(p)] = source_of(x, y, planes, first + p);
        centre(finest[static_cast<std::size_t>(p)], {0, x.height, 0, x.width}, data_range_);
    }
    const auto source_at = [&](std::int64_t plane, int j) {
        return source(finest[static_cast<std::size_t>(plane)], memory, plane, j);
    };

    for (int j = 1; j < convention_.scales; j++) {
        const std::int64_t bands = (scale(j).height + kHalveRows - 1) / kHalveRows;
        const std::int64_t numbers = halve_numbers(scale(j).width, engine_.number);
        parallel_for(count * bands, static_cast<std::size_t>(numbers) * engine_.number,
                     [&](std::int64_t i, void* scratch) {
                         const std::int64_t plane = i / bands, begin = i % bands * kHalveRows;
                         HalveTask task = halve_task(source_at(plane, j - 1), scale(j - 1));
                         task.target = {begin, std::min(begin + kHalveRows, scale(j).height), 0, scale(j).width};
                         task.row = buffer(memory, plane, j, u).row;
                         const std::int64_t at = begin * task.row * static_cast<std::int64_t>(engine_.number);
                         task.u = buffer(memory, plane, j, u).data + at;
                         task.v = buffer(memory, plane, j, v).data + at;
                         task.scratch = scratch;
                         engine_.kernels->halve(task);
                     });
    }

    struct Task {
        std::int64_t plane;
        int scale;
        Region pixels;
    };
    std::vector<Task> tasks;
    std::int64_t widest = 1;
    for (std::int64_t p = 0; p < count; p++)
        for (int j = 0; j < convention_.scales; j++) {
            const Scale& s = scale(j);
            const int pad = s.padding == Padding::valid ? 0 : convention_.size / 2;
            const GradientTiles tiles(s.height + 2 * pad, s.width + 2 * pad, convention_.size / 2, pad, 1);
            widest = std::max(widest, tiles.widest());
            for (std::int64_t t = 0; t < tiles.count(); t++) tasks.push_back({p, j, tiles[t]});
        }
    std::vector<double> sums(tasks.size());
    const std::int64_t numbers = gradient_layout(widest, convention_.size / 2, 1, engine_.number).total;
    parallel_for(static_cast<std::int64_t>(tasks.size()), static_cast<std::size_t>(numbers) * engine_.number,
                 [&](std::int64_t i, void* scratch) {
                     const Task& t = tasks[static_cast<std::size_t>(i)];
                     const Scale& s = scale(t.scale);
                     GradientTask task = {};
                     task.source = source_at(t.plane, t.scale);
                     pad(task.source, s.padding, convention_.size / 2);
                     task.formula = t.scale + 1 == convention_.scales ? &full_ : &contrast_;
                     task.pixels = t.pixels;
                     task.position_rows = s.position_rows;
                     task.position_cols = s.position_cols;
                     task.scale = 2 / static_cast<double>(s.position_rows * s.position_cols);
                     task.sums = &sums[static_cast<std::size_t>(i)];
                     task.grad_x = gradient_of(first, memory, t.plane, t.scale, gradient_x);
                     task.grad_y = gradient_of(first, memory, t.plane, t.scale, gradient_y);
                     task.scratch = scratch;
                     if (folds(s.padding)) {
                         const Region own = unpadded(t.pixels, task.source.pad, s.height, s.width);
                         clear(task.grad_x, own, 1);
                         clear(task.grad_y, own, 1);
                     }
                     engine_.kernels->gradient(task);
                 });
    std::fill_n(means, count * convention_.scales, 0.0);
    for (std::size_t i = 0; i < tasks.size(); i++)
        means[tasks[i].plane * convention_.scales + tasks[i].scale] += sums[i];
    for (std::int64_t p = 0; p < count; p++)
        for (int j = 0; j < convention_.scales; j++)
            means[p * convention_.scales + j] /= static_cast<double>(scale(j).position_rows * scale(j).position_cols);
}

void PlaneGradients::combine(std::int64_t first, std::int64_t count, void* memory, const double* slopes) const {
    for (int j = std::max(convention_.scales - 2, 0); j >= 0; j--) {
        const Scale& s = scale(j);
        const bool single = convention_.scales == 1, coarsest = j + 2 == convention_.scales;
        const std::int64_t bands = (s.height + kHalveRows - 1) / kHalveRows, sides = both_ ? 2 : 1;
        const std::size_t bytes = static_cast<std::size_t>(row_pitch(s.width, engine_.number)) * engine_.number;
        parallel_for(count * sides * bands, bytes, [&](std::int64_t i, void* scratch) {
            const std::int64_t plane = i / (sides * bands), begin = i % bands * kHalveRows;
            const Content content = i / bands % sides == 0 ? gradient_x : gradient_y;
            const Plane fine = gradient_of(first, memory, plane, j, content);
            ExpandTask task = {};
            task.rows = s.rows;
            task.cols = s.cols;
            task.row_begin = begin;
            task.row_end = std::min(begin + kHalveRows, s.height);
            task.scale = slopes[plane * convention_.scales + j];
            task.fine = fine.data;
            task.fine_row = fine.row;
            if (single) {
                task.rows.coarse = 0;
            } else {
                const Plane coarse = gradient_of(first, memory, plane, j + 1, content);
                task.coarse = coarse.data;
                task.coarse_row = coarse.row;
                task.coarse_scale = coarsest ? slopes[plane * convention_.scales + j + 1] : 1;
            }
            task.out = j == 0 ? output(content == gradient_x ? grad_x_ : grad_y_, first + plane) : fine;
            task.scratch = scratch;
            engine_.kernels->expand(task);
        });
    }
}

}  // namespace limen::detail
