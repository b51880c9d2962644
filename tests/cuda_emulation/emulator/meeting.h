// A barrier, shuffle or vote: threads that wait for one another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fault.h"

namespace cuda_emulation {

/// It takes place again and again. A thread may be late to leave while others come to the next one already, but no further, as that
/// one waits for it: hence two of whatever a thread still needs when it leaves.
class Meeting {
  public:
    explicit Meeting(int members = 0) : members_(members) {}

    /// A thread comes and brings a word along. True for the last, who ends the meeting.
    bool come(int thread, const char* construct, std::uint64_t word, const Where& where);

    bool open() const { return arrived_ > 0; }
    unsigned number() const { return number_; }  // of the one that is open or comes next
    std::uint64_t word(unsigned number, int lane) const { return words_[number % 2][static_cast<std::size_t>(lane)]; }
    /// Whether anyone brought a word other than zero.
    bool any(unsigned number) const { return any_[number % 2]; }
    void* token(unsigned number) { return &tokens_[number % 2]; }

    // Of whoever came first.
    int first() const { return first_; }
    const char* construct() const { return construct_; }
    const Where& where() const { return where_; }

  private:
    int members_, arrived_ = 0, first_ = 0;
    const char* construct_ = "";
    Where where_;
    unsigned number_ = 0;
    std::array<std::array<std::uint64_t, 32>, 2> words_ = {};
    std::array<bool, 2> any_ = {};
    std::array<char, 2> tokens_ = {};
};

}  // namespace cuda_emulation
