#include "meeting.h"

#include <cstring>

namespace cuda_emulation {

bool Meeting::come(int thread, const char* construct, std::uint64_t word, const Where& where) {
    if (arrived_ == 0) {
        construct_ = construct;
        where_ = where;
        first_ = thread;
        any_[number_ % 2] = false;
    } else if (std::strcmp(construct, construct_) != 0 || where.line() != where_.line() ||
               std::strcmp(where.file_name(), where_.file_name()) != 0) {
        fault(std::string(construct) + " reached while thread " + std::to_string(first_) + " waits at " + construct_ +
                  " at " + text(where_),
              where);
    }
    words_[number_ % 2][static_cast<std::size_t>(thread % 32)] = word;
    any_[number_ % 2] |= word != 0;
    if (++arrived_ < members_) return false;
    arrived_ = 0;
    number_++;
    return true;
}

}  // namespace cuda_emulation
