#include "outputs.h"

#include <algorithm>

namespace check {

Guarded& Outputs::memory(std::size_t bytes) { return *memory_.emplace_back(std::make_unique<Guarded>(bytes)); }

limen::cuda::Scores Outputs::scores(std::size_t count, DType dtype) {
    const Guarded& m = memory(count * size_of(dtype));
    scores_.push_back(&m);
    values_of_.push_back([&m, count, dtype] {
        std::vector<double> all(count);
        for (std::size_t i = 0; i < count; i++) all[i] = read_number(m.data(), dtype, static_cast<std::int64_t>(i));
        return all;
    });
    dtypes_.push_back(dtype);
    return {m.data(), dtype};
}

limen::OutputView Outputs::image(DType dtype, const Shape& shape) {
    const Batch& b =
        *images_.emplace_back(std::make_unique<Batch>(random_, dtype, shape, random_arrangement(random_, false)));
    values_of_.push_back([&b] { return b.values(); });
    dtypes_.push_back(dtype);
    return b.output();
}

limen::cuda::Workspace Outputs::workspace(std::size_t bytes) { return {memory(bytes).data(), bytes}; }

bool Outputs::intact() const {
    return std::all_of(memory_.begin(), memory_.end(), [](const auto& m) { return m->intact(); }) &&
           std::all_of(images_.begin(), images_.end(), [](const auto& b) { return b->gaps_intact(); });
}

std::vector<std::byte> Outputs::bytes() const {
    std::vector<std::byte> all;
    for (const Guarded* m : scores_) all.insert(all.end(), m->data(), m->data() + m->size());
    for (const auto& b : images_) {
        const std::vector<std::byte> theirs = b->bytes();
        all.insert(all.end(), theirs.begin(), theirs.end());
    }
    return all;
}

}  // namespace check
