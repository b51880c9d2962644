// What a call of limen::cuda fills, in guarded memory.
#pragma once

#include <functional>
#include <limen/cuda.hpp>
#include <memory>
#include <vector>

#include "batch.h"

namespace check {

class Outputs {
  public:
    /// Layouts of images come from it: equal seeds, equal layouts.
    explicit Outputs(const Random& random) : random_(random) {}

    limen::cuda::Scores scores(std::size_t count, DType dtype);
    limen::OutputView image(DType dtype, const Shape& shape);
    /// Exactly so many bytes.
    limen::cuda::Workspace workspace(std::size_t bytes);

    /// Whether nothing was written beside them.
    bool intact() const;
    /// All scores and images as they lie in memory.
    std::vector<std::byte> bytes() const;
    /// Number `i` of the scores and images, in the order they were asked for.
    std::vector<double> values(std::size_t i) const { return values_of_[i](); }
    DType dtype(std::size_t i) const { return dtypes_[i]; }

  private:
    Guarded& memory(std::size_t bytes);

    Random random_;
    std::vector<std::unique_ptr<Guarded>> memory_;
    std::vector<std::unique_ptr<Batch>> images_;
    std::vector<std::function<std::vector<double>()>> values_of_;
    std::vector<DType> dtypes_;
    std::vector<const Guarded*> scores_;
};

}  // namespace check
