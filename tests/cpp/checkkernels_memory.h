// Memory whose surroundings are watched.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "checkkernels.h"
#include "numbers.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define LIMEN_POISON(begin, size) ASAN_POISON_MEMORY_REGION(begin, size)
#define LIMEN_UNPOISON(begin, size) ASAN_UNPOISON_MEMORY_REGION(begin, size)
#else
#define LIMEN_POISON(begin, size) static_cast<void>(0)
#define LIMEN_UNPOISON(begin, size) static_cast<void>(0)
#endif

namespace check {

/// Bytes with a guard before and behind that shows stray writes, and stray reads too to AddressSanitizer. They begin `shift` bytes
/// behind an address that suits a kernel's scratch memory, and are NaN in every floating type.
class Guarded {
  public:
    explicit Guarded(std::size_t size, std::size_t shift = 0)
        : size_(size), before_(kGuard + shift), memory_(new (kAlign) std::byte[before_ + size + kGuard]) {
        std::memset(memory_.get(), kGuardByte, before_ + size + kGuard);
        std::memset(data(), 0xff, size);
        watch();
    }
    ~Guarded() { unwatch(); }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    std::byte* data() const { return memory_.get() + before_; }
    std::size_t size() const { return size_; }

    bool intact() const {
        unwatch();
        const auto fine = [](const std::byte* begin, std::size_t count) {
            return std::all_of(begin, begin + count, [](std::byte b) { return b == std::byte{kGuardByte}; });
        };
        const bool both = fine(memory_.get(), before_) && fine(data() + size_, kGuard);
        watch();
        return both;
    }

  private:
    static constexpr std::align_val_t kAlign{kScratchAlign};
    static constexpr std::size_t kGuard = kScratchAlign;
    static constexpr unsigned char kGuardByte = 0xa5;

    struct Delete {
        void operator()(std::byte* p) const { ::operator delete[](p, kAlign); }
    };

    void watch() const {
        LIMEN_POISON(memory_.get(), before_);
        LIMEN_POISON(data() + size_, kGuard);
    }
    void unwatch() const { LIMEN_UNPOISON(memory_.get(), before_ + size_ + kGuard); }

    std::size_t size_, before_;
    std::unique_ptr<std::byte[], Delete> memory_;
};

inline std::size_t size_of(DType dtype) {
    switch (dtype) {
        case DType::uint8: return 1;
        case DType::float32: return 4;
        case DType::float64: return 8;
        default: return 2;
    }
}

/// write_number for the types of inputs too.
inline void write_element(void* data, DType dtype, std::int64_t at, double value) {
    switch (dtype) {
        case DType::uint8: static_cast<std::uint8_t*>(data)[at] = static_cast<std::uint8_t>(value); break;
        case DType::uint16: static_cast<std::uint16_t*>(data)[at] = static_cast<std::uint16_t>(value); break;
        default: write_number(data, dtype, at, value);
    }
}

/// A unit in the last place of `value`.
inline double last_place(DType dtype, double value) {
    value = std::fabs(value);
    switch (dtype) {
        case DType::float16: return std::max(0x1p-10 * value, 0x1p-24);
        case DType::bfloat16: return 0x1p-7 * value;
        case DType::float32: return 0x1p-23 * value;
        default: return 0x1p-52 * value;
    }
}

/// `rows` rows of `samples` elements; strides, in elements, may be negative.
struct Layout {
    std::int64_t rows, samples, row, sample;
};

inline Layout dense(std::int64_t rows, std::int64_t samples) { return {rows, samples, samples, 1}; }

/// Dense half of the time, else with gaps, flipped, turned, or, where `may_repeat`, with a stride of zero.
inline Layout random_layout(Random& random, std::int64_t rows, std::int64_t samples, bool may_repeat) {
    if (random.chance(0.5)) return dense(rows, samples);
    Layout l = {rows, samples, 0, random.pick<std::int64_t>({1, 1, 2, 3})};
    l.row = l.sample * samples + random.between(0, 5);
    if (random.chance(0.2)) l.row = l.sample, l.sample = l.row * rows + random.between(0, 5);
    if (random.chance(0.3)) l.row = -l.row;
    if (random.chance(0.3)) l.sample = -l.sample;
    if (may_repeat && random.chance(0.1)) (random.chance(0.5) ? l.row : l.sample) = 0;
    return l;
}

/// A plane in exactly the memory that it takes.
class Strided {
  public:
    Strided(Random& random, DType dtype, const Layout& layout)
        : dtype_(dtype),
          layout_(layout),
          lowest_(std::min<std::int64_t>(0, layout.row * (layout.rows - 1)) +
                  std::min<std::int64_t>(0, layout.sample * (layout.samples - 1))),
          memory_(bytes(), static_cast<std::size_t>(random.between(0, 15)) * size_of(dtype)),
          before_(memory_.data(), memory_.data() + memory_.size()) {}

    const Layout& layout() const { return layout_; }
    DType dtype() const { return dtype_; }
    /// Element (0, 0).
    void* origin() const { return memory_.data() - lowest_ * static_cast<std::int64_t>(size_of(dtype_)); }
    Plane plane() const { return {origin(), layout_.row, layout_.sample, dtype_}; }

    double get(std::int64_t row, std::int64_t sample) const {
        return read_number(memory_.data(), dtype_, at(row, sample));
    }
    void set(std::int64_t row, std::int64_t sample, double value) {
        write_element(memory_.data(), dtype_, at(row, sample), value);
    }
    void set(const std::vector<double>& values) {
        for (std::int64_t i = 0; i < layout_.rows * layout_.samples; i++)
            set(i / layout_.samples, i % layout_.samples, values[static_cast<std::size_t>(i)]);
    }

    /// Whether nothing was written round the elements or between them.
    bool gaps_intact() const {
        std::vector<std::byte> now(memory_.data(), memory_.data() + memory_.size());
        for (std::int64_t r = 0; r < layout_.rows; r++)
            for (std::int64_t i = 0; i < layout_.samples; i++) {
                const std::size_t from = static_cast<std::size_t>(at(r, i)) * size_of(dtype_);
                std::copy_n(before_.begin() + static_cast<std::ptrdiff_t>(from), size_of(dtype_),
                            now.begin() + static_cast<std::ptrdiff_t>(from));
            }
        return now == before_ && memory_.intact();
    }

  private:
    std::int64_t at(std::int64_t row, std::int64_t sample) const {
        return row * layout_.row + sample * layout_.sample - lowest_;
    }
    std::size_t bytes() const {
        const std::int64_t last =
            std::abs(layout_.row) * (layout_.rows - 1) + std::abs(layout_.sample) * (layout_.samples - 1);
        return static_cast<std::size_t>(last + 1) * size_of(dtype_);
    }

    DType dtype_;
    Layout layout_;
    std::int64_t lowest_;
    Guarded memory_;
    std::vector<std::byte> before_;
};

}  // namespace check
