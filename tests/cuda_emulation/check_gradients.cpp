#include "check_gradients.h"

#include <cmath>
#include <optional>

namespace check {
namespace {

// One factor for each score, in device memory.
class Factors {
  public:
    Factors(Random& random, std::size_t count, DType dtype) : dtype_(dtype), memory_(count * size_of(dtype)) {
        for (std::size_t i = 0; i < count; i++)
            write_element(memory_.data(), dtype, static_cast<std::int64_t>(i), random.uniform(-2, 2));
    }
    limen::cuda::Upstream view() const { return {memory_.data(), dtype_}; }
    double operator[](std::size_t i) const { return read_number(memory_.data(), dtype_, static_cast<std::int64_t>(i)); }

  private:
    DType dtype_;
    Guarded memory_;
};

}  // namespace

LibraryGradients library_gradients(
    const CudaCase& c, std::size_t scores,
    const std::function<void(double*, const limen::OutputView*, const limen::OutputView*)>& call) {
    Random any = c.random;
    Batch x(any, DType::float64, c.shape(), Arrangement::planar),
        y(any, DType::float64, c.shape(), Arrangement::planar);
    const limen::OutputView to_x = x.output(), to_y = y.output();
    Numbers values(scores);
    call(values.data(), &to_x, &to_y);
    return {values, x.values(), y.values()};
}

void check_gradients(CudaCase& c, std::size_t workspace_bytes, const std::function<void(const GradientCall&)>& kernels,
                     const std::function<LibraryGradients(limen::Reduction)>& library, bool weighted) {
    const limen::Reduction reduction = c.reduction();
    const std::size_t count = c.scores(reduction);
    const bool of_x = c.note("of_x", c.random.chance(0.7)), of_y = c.note("of_y", !of_x || c.random.chance(0.6));
    const bool scored = c.note("scored", c.random.chance(0.6));
    const DType score_dtype = c.score_dtype(), gradient_dtype = c.gradient_dtype();
    const double factor = c.note("factor", c.random.pick({1.0, -1.0, 0.25}));
    std::optional<Factors> upstream;
    if (c.note("upstream", c.random.chance(0.5))) upstream.emplace(c.random, count, c.score_dtype());

    const auto call = [&](Outputs& o, std::size_t bytes) {
        limen::cuda::Scores scores;
        limen::OutputView x, y;
        if (scored) scores = o.scores(count, score_dtype);
        if (of_x) x = o.image(gradient_dtype, c.shape());
        if (of_y) y = o.image(gradient_dtype, c.shape());
        const limen::cuda::Upstream factors = upstream ? upstream->view() : limen::cuda::Upstream{};
        kernels({reduction, scored ? &scores : nullptr, of_x ? &x : nullptr, of_y ? &y : nullptr,
                 upstream ? &factors : nullptr, factor, o.workspace(bytes)});
    };
    const auto outputs = c.run([&](Outputs& o) { call(o, workspace_bytes); });

    const auto both = CudaCase::library([&] {
        LibraryGradients g = library(reduction);
        const std::size_t each = g.x.size() / count;  // numbers of one score's pixels
        for (std::size_t i = 0; i < g.x.size(); i++) {
            const double times = factor * (upstream ? (*upstream)[i / each] : 1);
            g.x[i] *= times;
            g.y[i] *= times;
        }
        return std::vector<Numbers>{g.scores, g.x, g.y};
    });
    // What a gradient's terms are like before they cancel, as in equal images.
    const double pixels = weighted ? 1 : static_cast<double>(c.shape().count()) / static_cast<double>(count);
    const double scale = std::fabs(factor) * 10 / (pixels * c.data_range);
    std::size_t next = 0;
    if (scored) c.compare("score", *outputs, next++, both, 0, 1);
    if (of_x) c.compare("grad_x", *outputs, next++, both, 1, scale);
    if (of_y) c.compare("grad_y", *outputs, next++, both, 2, scale);
    if (workspace_bytes > 0) {
        Outputs o(c.random);
        c.expect_refusal("a workspace that is too small", [&] { call(o, workspace_bytes - 1); });
    }
}

}  // namespace check
