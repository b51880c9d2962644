#include "batch.h"

#include <algorithm>
#include <cstdlib>

namespace check {
namespace {

std::array<std::int64_t, 4> sizes_of(const Shape& s) { return {s.batch, s.channels, s.height, s.width}; }

// Strides of axes in the order given, innermost last, `gap` elements left after every step of the last but one.
std::array<std::int64_t, 4> strides_of(const Shape& shape, std::array<std::size_t, 4> order, std::int64_t step,
                                       std::int64_t gap) {
    std::array<std::int64_t, 4> strides = {};
    for (std::size_t k = 4; k-- > 0;) {
        strides[order[k]] = step;
        step *= sizes_of(shape)[order[k]];
        if (k == 3) step += gap;
    }
    return strides;
}

std::array<std::int64_t, 4> random_strides(Random& random, const Shape& shape, Arrangement arrangement) {
    constexpr std::array<std::size_t, 4> planar = {0, 1, 2, 3}, interleaved = {0, 2, 3, 1};
    switch (arrangement) {
        case Arrangement::planar: return strides_of(shape, planar, 1, 0);
        case Arrangement::interleaved: return strides_of(shape, interleaved, 1, 0);
        case Arrangement::interleaved_of_more: return strides_of(shape, interleaved, 1, random.between(1, 2));
        case Arrangement::padded_rows: return strides_of(shape, planar, 1, random.between(1, 9));
        case Arrangement::spread: return strides_of(shape, planar, random.between(2, 3), random.between(0, 3));
        case Arrangement::turned: return strides_of(shape, {0, 1, 3, 2}, 1, random.between(0, 2));
        case Arrangement::unordered: return strides_of(shape, {3, 2, 1, 0}, 1, random.between(0, 1));
        case Arrangement::flipped: {
            auto strides = strides_of(shape, planar, 1, random.between(0, 3));
            strides[2] = -strides[2];
            strides[3] = -strides[3];
            return strides;
        }
        case Arrangement::repeated: break;
    }
    auto strides = strides_of(shape, planar, 1, 0);
    strides[static_cast<std::size_t>(random.between(0, 3))] = 0;
    return strides;
}

std::int64_t lowest_of(const std::array<std::int64_t, 4>& strides, const Shape& shape) {
    std::int64_t lowest = 0;
    for (std::size_t k = 0; k < 4; k++) lowest += std::min<std::int64_t>(0, strides[k] * (sizes_of(shape)[k] - 1));
    return lowest;
}

}  // namespace

Arrangement random_arrangement(Random& random, bool may_repeat) {
    return static_cast<Arrangement>(
        random.between(0, static_cast<std::int64_t>(may_repeat ? Arrangement::repeated : Arrangement::unordered)));
}

const char* name_of(Arrangement arrangement) {
    static constexpr const char* names[] = {"planar",  "interleaved", "interleaved_of_more", "padded_rows", "spread",
                                            "flipped", "turned",      "unordered",           "repeated"};
    return names[static_cast<std::size_t>(arrangement)];
}

Batch::Batch(Random& random, DType dtype, const Shape& shape, Arrangement arrangement)
    : shape_(shape),
      dtype_(dtype),
      strides_(random_strides(random, shape, arrangement)),
      lowest_(lowest_of(strides_, shape)),
      // Half of the time at an address that suits wide loads.
      memory_(span(), random.chance(0.5) ? 0 : static_cast<std::size_t>(random.between(1, 15)) * size_of(dtype)),
      before_(bytes()) {}

std::size_t Batch::span() const {
    std::int64_t last = 0;
    for (std::size_t k = 0; k < 4; k++) last += std::abs(strides_[k]) * (sizes_of(shape_)[k] - 1);
    return static_cast<std::size_t>(last + 1) * size_of(dtype_);
}

std::int64_t Batch::place(std::int64_t i) const {
    std::int64_t at = -lowest_;
    for (std::size_t k = 4; k-- > 0; i /= sizes_of(shape_)[k]) at += i % sizes_of(shape_)[k] * strides_[k];
    return at;
}

template <class View>
View Batch::view() const {
    return {memory_.data() - lowest_ * static_cast<std::int64_t>(size_of(dtype_)),
            dtype_,
            shape_.batch,
            shape_.channels,
            shape_.height,
            shape_.width,
            strides_[0],
            strides_[1],
            strides_[2],
            strides_[3]};
}
template limen::ImageView Batch::view() const;
template limen::OutputView Batch::view() const;

std::vector<double> Batch::values() const {
    std::vector<double> all(static_cast<std::size_t>(shape_.count()));
    for (std::size_t i = 0; i < all.size(); i++) all[i] = get(static_cast<std::int64_t>(i));
    return all;
}

void Batch::set(const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); i++) set(static_cast<std::int64_t>(i), values[i]);
}

bool Batch::gaps_intact() const {
    std::vector<std::byte> now = bytes();
    for (std::int64_t i = 0; i < shape_.count(); i++) {
        const auto at = place(i) * static_cast<std::int64_t>(size_of(dtype_));
        std::copy_n(before_.begin() + at, size_of(dtype_), now.begin() + at);
    }
    return now == before_ && memory_.intact();
}

}  // namespace check
