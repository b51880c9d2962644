#include "gate.h"

#include "runner.h"
#include "sanitizers.h"

namespace cuda_emulation {
namespace {

// What a gate's word holds: turns in the low half, those that have arrived for the next one above, and a mark that it is open.
constexpr std::uint64_t kMark = 0x6a7e, kMarkShift = 48, kArrivedShift = 32, kArrived = 0xffff;

unsigned turns(std::uint64_t word) { return static_cast<unsigned>(word); }

std::uint64_t opened(const std::uint64_t* word, const char* construct, const Where& where) {
    if (*word >> kMarkShift != kMark) fault(std::string(construct) + " of a gate that is not open", where);
    return *word;
}

// Turns that follow one another never share one.
void* token(std::uint64_t* word, unsigned turn) { return reinterpret_cast<char*>(word) + turn % 2; }

}  // namespace

void gate_open(std::uint64_t* word, const Where&) { *word = kMark << kMarkShift; }

void gate_arrive(std::uint64_t* word, unsigned warps, const Where& where) {
    warp_barrier(0xffffffff, where);
    if (lane() != 0) return;
    std::uint64_t now = opened(word, "Gates::arrive", where);
    happens_before(token(word, turns(now)));
    now += std::uint64_t{1} << kArrivedShift;
    if ((now >> kArrivedShift & kArrived) < warps) {
        *word = now;
        return;
    }
    *word = kMark << kMarkShift | (turns(now) + 1);
    Runner::instance().let_through(word, turns(now) + 1);
}

void gate_wait(std::uint64_t* word, unsigned turn, const Where& where) {
    const std::uint64_t now = opened(word, "Gates::wait", where);
    if (turns(now) <= turn) Runner::instance().wait_at_gate(word, turn, where);
    // A device remembers only whether turns are even or odd.
    if (turns(*word) > turn + 1)
        fault(
            "Gates::wait for turn " + std::to_string(turn) + " of a gate that has seen " + std::to_string(turns(*word)),
            where);
    happens_after(token(word, turn));
}

}  // namespace cuda_emulation
