// Not instrumented by ThreadSanitizer: what is noted here about the threads is no race between them, and only the tokens order them.
#include "runner.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "sanitizers.h"
#include "schedule.h"

namespace cuda_emulation {
namespace {

std::string text(const uint3& v) {
    return '(' + std::to_string(v.x) + ", " + std::to_string(v.y) + ", " + std::to_string(v.z) + ')';
}

uint3 unravel(std::size_t i, const dim3& size) {
    return {static_cast<unsigned>(i % size.x), static_cast<unsigned>(i / size.x % size.y),
            static_cast<unsigned>(i / size.x / size.y)};
}

std::size_t volume(const dim3& size) { return std::size_t{size.x} * size.y * size.z; }

std::vector<std::size_t> numbers(std::size_t count) {
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
}

}  // namespace

Thread::Thread(std::size_t i) : index(static_cast<int>(i)), fiber([](void*) { Runner::instance().live(); }, nullptr) {}

Runner& Runner::instance() {
    static thread_local Runner runner;
    return runner;
}

void Runner::run(const Launch& launch) {
    launch_ = &launch;
    count_ = volume(launch.block);
    random_.seed(current_schedule().seed);
    while (threads_.size() < count_) threads_.push_back(std::make_unique<Thread>(threads_.size()));
    const std::size_t blocks = volume(launch.grid);
    for (std::size_t i = 0; i < blocks; i++)
        run_block(unravel(current_schedule().blocks_backward ? blocks - 1 - i : i, launch.grid));
    // Only now: a block has no right to see what another did.
    happens_after(&end_);
    blocks_.clear();
}

void Runner::run_block(uint3 index) {
    blocks_.push_back(std::make_unique<Block>(count_, launch_->shared_bytes, current_schedule().garbage));
    for (std::size_t i = 0; i < count_; i++) {
        threads_[i]->indices = {unravel(i, launch_->block), index, launch_->block, launch_->grid};
        threads_[i]->state = Thread::State::ready;
    }
    unfinished_ = count_;
    happens_before(&begin_);

    const Order kind = current_schedule().order;
    std::vector<std::size_t> order = numbers(kind == Order::warp_by_warp ? (count_ + 31) / 32 : count_);
    if (kind == Order::backward) std::reverse(order.begin(), order.end());
    while (unfinished_ > 0) {
        if (kind == Order::shuffled || kind == Order::warp_by_warp) std::shuffle(order.begin(), order.end(), random_);
        if (!(kind == Order::warp_by_warp ? run_warps(order) : run_threads(order))) report_deadlock();
    }
}

bool Runner::run_threads(const std::vector<std::size_t>& order) {
    bool any = false;
    for (const std::size_t thread : order) any |= run_thread(*threads_[thread]);
    return any;
}

bool Runner::run_warps(const std::vector<std::size_t>& order) {
    bool any = false;
    for (const std::size_t warp : order)
        for (bool again = true; again; any |= again) {
            again = false;
            for (std::size_t i = warp * 32; i < std::min(warp * 32 + 32, count_); i++)
                again |= run_thread(*threads_[i]);
        }
    return any;
}

bool Runner::run_thread(Thread& thread) {
    if (thread.state != Thread::State::ready) return false;
    current_ = &thread;
    thread.fiber.resume();
    if (!failure_.empty()) report_failure();
    return true;
}

void Runner::live() {
    for (;;) {
        happens_after(&begin_);
        try {
            run_kernel();
        } catch (const Fault& fault) {
            failure_ = fault.what();
        }
        let_others_run();
    }
}

void Runner::run_kernel() {
    Thread& self = *current_;
    launch_->call(launch_->kernel_and_params);
    self.copies.expect_none();
    if (const Meeting* m = block().open_meeting_with(self.index))
        fail("the thread ends while thread " + std::to_string(m->first()) + " waits for it at " + m->construct() +
                 " at " + cuda_emulation::text(m->where()) + "; the kernel was launched",
             launch_->where);
    self.state = Thread::State::finished;
    unfinished_--;
}

void Runner::let_others_run() {
    happens_before(&end_);  // whenever that is
    current_->fiber.suspend();
}

unsigned Runner::meet(Meeting& meeting, const char* construct, std::uint64_t word, bool orders_memory,
                      const Where& where) {
    Thread& self = *current_;
    const unsigned number = meeting.number();
    if (orders_memory) happens_before(meeting.token(number));
    self.waits_at = &meeting;
    self.state = Thread::State::waiting;
    if (meeting.come(self.index, construct, word, where)) {
        for (std::size_t i = 0; i < count_; i++)
            if (threads_[i]->state == Thread::State::waiting && threads_[i]->waits_at == &meeting)
                threads_[i]->state = Thread::State::ready;
    }
    let_others_run();
    if (orders_memory) happens_after(meeting.token(number));
    return number;
}

void Runner::wait_at_gate(const std::uint64_t* gate, unsigned turn, const Where& where) {
    Thread& self = *current_;
    self.waits_at = nullptr;
    self.gate = gate;
    self.gate_turn = turn;
    self.gate_where = where;
    self.state = Thread::State::waiting;
    let_others_run();
}

void Runner::let_through(const std::uint64_t* gate, unsigned turns) {
    for (std::size_t i = 0; i < count_; i++) {
        Thread& thread = *threads_[i];
        if (thread.state == Thread::State::waiting && !thread.waits_at && thread.gate == gate &&
            thread.gate_turn < turns)
            thread.state = Thread::State::ready;
    }
}

Meeting& Runner::lanes(unsigned mask, const char* construct, const Where& where) {
    const int lane = current_->index % 32;
    const auto first = static_cast<std::size_t>(current_->index - lane);
    if (!(mask >> lane & 1)) fail(std::string(construct) + " with a mask that leaves out the calling lane", where);
    if (count_ - first < 32) fail(std::string(construct) + " in a warp of less than 32 threads", where);
    expect_alive(first, mask, construct, where);
    return block().meeting(current_->index / 32, mask, where);
}

Meeting& Runner::all(const char* construct, const Where& where) {
    for (std::size_t i = 0; i < count_; i += 32) expect_alive(i, 0xffffffff, construct, where);
    return block().barrier();
}

void Runner::expect_alive(std::size_t first, unsigned mask, const char* construct, const Where& where) {
    for (std::size_t i = first; unfinished_ < count_ && i < std::min(first + 32, count_); i++)
        if ((mask >> (i - first) & 1) && threads_[i]->state == Thread::State::finished)
            fail(std::string(construct) + " waits for thread " + std::to_string(i) + ", which has ended", where);
}

void Runner::fail(const std::string& what, const Where& where) const {
    throw Fault("block " + text(current_->indices.block) + ", thread " + text(current_->indices.thread) + ": " + what +
                " at " + cuda_emulation::text(where));
}

void Runner::report_failure() {
    happens_after(&end_);
    const Fault fault(std::exchange(failure_, {}));
    threads_.clear();  // Those in the middle of a kernel can't be sent home.
    blocks_.clear();
    throw fault;
}

void Runner::report_deadlock() {
    const auto waits = [](const auto& t) { return t->state == Thread::State::waiting; };
    const auto one = std::find_if(threads_.begin(), threads_.end(), waits);
    const auto other = std::find_if(one, threads_.end(), [&](const auto& t) {
        return waits(t) && (t->waits_at != (*one)->waits_at || (!t->waits_at && t->gate != (*one)->gate));
    });
    const auto place = [](const Thread& t) {
        return "thread " + text(t.indices.thread) + " at " + (t.waits_at ? t.waits_at->construct() : "Gates::wait") +
               " at " + cuda_emulation::text(t.waits_at ? t.waits_at->where() : t.gate_where);
    };
    failure_ = "block " + text((*one)->indices.block) + ": all threads wait for others: " + place(**one);
    if (other != threads_.end()) failure_ += ", " + place(**other);
    report_failure();
}

}  // namespace cuda_emulation
