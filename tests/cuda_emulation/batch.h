// Batches of images in exactly the memory that they take, laid out in every way that a caller may have them.
#pragma once

#include <array>
#include <cstdint>
#include <limen/image.hpp>
#include <string>
#include <vector>

#include "checkkernels_memory.h"

namespace check {

struct Shape {
    std::int64_t batch, channels, height, width;

    std::int64_t count() const { return batch * channels * height * width; }
};

enum class Arrangement {
    planar,
    interleaved,
    interleaved_of_more,  // RGB of RGBA
    padded_rows,
    spread,     // other numbers between any two
    flipped,    // both ways
    turned,     // columns follow one another
    unordered,  // batch axis innermost
    repeated    // the same row, channel or image again and again
};

/// Of an output if not `may_repeat`.
Arrangement random_arrangement(Random& random, bool may_repeat);
const char* name_of(Arrangement arrangement);

class Batch {
  public:
    Batch(Random& random, DType dtype, const Shape& shape, Arrangement arrangement);

    const Shape& shape() const { return shape_; }
    DType dtype() const { return dtype_; }
    limen::ImageView image() const { return view<limen::ImageView>(); }
    limen::OutputView output() const { return view<limen::OutputView>(); }

    /// Elements are numbered by batch, channel, row, column.
    double get(std::int64_t i) const { return read_number(memory_.data(), dtype_, place(i)); }
    void set(std::int64_t i, double value) { write_element(memory_.data(), dtype_, place(i), value); }
    std::vector<double> values() const;
    void set(const std::vector<double>& values);

    /// Whether nothing was written round the elements and between them.
    bool gaps_intact() const;
    std::vector<std::byte> bytes() const { return {memory_.data(), memory_.data() + memory_.size()}; }

  private:
    template <class View>
    View view() const;
    std::int64_t place(std::int64_t i) const;  // in elements
    std::size_t span() const;

    Shape shape_;
    DType dtype_;
    std::array<std::int64_t, 4> strides_;
    std::int64_t lowest_;
    Guarded memory_;
    std::vector<std::byte> before_;
};

}  // namespace check
