// Runs grids block by block, the threads of a block as fibers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "async_copy.h"
#include "block.h"
#include "fiber.h"
#include "launch.h"
#include "threads.h"

namespace cuda_emulation {

/// The thread of one index in every block of every launch.
struct Thread {
    enum class State { ready, waiting, finished };

    explicit Thread(std::size_t index);

    int index;
    State state = State::finished;
    const Meeting* waits_at = nullptr;  // or, if that is null, at a gate
    const std::uint64_t* gate = nullptr;
    unsigned gate_turn = 0;
    Where gate_where;
    Indices indices = {};
    AsyncCopies copies;
    Fiber fiber;
};

/// One for each thread of the process that launches kernels.
class Runner {
  public:
    static Runner& instance();

    void run(const Launch& launch);

    // For the thread that runs:

    Thread& current() const { return *current_; }
    Block& block() const { return *blocks_.back(); }
    /// The meetings of its block and of lanes of its warp.
    Meeting& all(const char* construct, const Where& where);
    Meeting& lanes(unsigned mask, const char* construct, const Where& where);
    /// Waits for the others; the answer is the meeting's number.
    unsigned meet(Meeting& meeting, const char* construct, std::uint64_t word, bool orders_memory, const Where& where);
    /// Waits until others have arrived at a gate for that turn, and tells those that wait that they have.
    void wait_at_gate(const std::uint64_t* gate, unsigned turn, const Where& where);
    void let_through(const std::uint64_t* gate, unsigned turns);
    [[noreturn]] void fail(const std::string& what, const Where& where) const;
    [[noreturn]] void live();

  private:
    // These are false if no thread was ready. One that others let go before its turn has come is ready then.
    bool run_threads(const std::vector<std::size_t>& order);
    bool run_warps(const std::vector<std::size_t>& order);
    bool run_thread(Thread& thread);

    void run_block(uint3 index);
    void run_kernel();
    void let_others_run();
    void expect_alive(std::size_t first, unsigned mask, const char* construct, const Where& where);
    [[noreturn]] void report_failure();
    [[noreturn]] void report_deadlock();

    const Launch* launch_ = nullptr;
    std::size_t count_ = 0, unfinished_ = 0;  // threads of the block
    std::vector<std::unique_ptr<Thread>> threads_;
    std::vector<std::unique_ptr<Block>> blocks_;  // of the grid, so far
    std::mt19937_64 random_;
    Thread* current_ = nullptr;
    std::string failure_;
    char begin_ = 0, end_ = 0;  // tokens
};

}  // namespace cuda_emulation
