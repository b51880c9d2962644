// How tasks are shared out among threads.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include "threads.h"

namespace {

using limen::detail::parallel_for;

void expect(bool holds, const char* what, std::int64_t count, int threads) {
    if (holds) return;
    std::printf("%s (%d tasks, %d threads)\n", what, static_cast<int>(count), threads);
    std::exit(1);
}

bool all_are(const std::vector<std::atomic<int>>& values, int value) {
    for (const auto& v : values)
        if (v != value) return false;
    return true;
}

void check(std::int64_t count, int threads) {
    limen::set_num_threads(threads);
    const auto size = static_cast<std::size_t>(count);
    std::vector<std::atomic<int>> done(size);
    std::atomic<int> shared{0};
    parallel_for(count, sizeof(int), [&](std::int64_t i, void* scratch) {
        if (reinterpret_cast<std::uintptr_t>(scratch) % limen::detail::kScratchAlign != 0) shared++;
        auto& mine = *static_cast<volatile int*>(scratch);
        mine = static_cast<int>(i);
        std::this_thread::yield();
        if (mine != static_cast<int>(i)) shared++;
        done[static_cast<std::size_t>(i)]++;
    });
    expect(all_are(done, 1), "a task was not done once", count, threads);
    expect(shared == 0, "scratch memory is shared or not aligned", count, threads);

    std::atomic<int> moved{0};
    parallel_for(count, 0, [&](std::int64_t i, void*) {
        const std::thread::id here = std::this_thread::get_id();
        parallel_for(3, 0, [&](std::int64_t, void*) {
            if (threads > 1 && count > 1 && std::this_thread::get_id() != here) moved++;
            done[static_cast<std::size_t>(i)]++;
        });
    });
    expect(all_are(done, 4), "a task of a task was not done once", count, threads);
    expect(moved == 0, "a task's own tasks left its thread", count, threads);

    bool caught = false;
    try {
        parallel_for(count, 0, [&](std::int64_t i, void*) {
            if (i == count / 2) throw std::runtime_error("of a task");
        });
    } catch (const std::runtime_error&) {
        caught = true;
    }
    expect(caught == (count > 0), "what a task throws does not arrive", count, threads);
}

}  // namespace

int main() {
    for (const int threads : {1, 2, 3, 8})
        for (const std::int64_t count : {0, 1, 2, 3, 7, 8, 9, 100}) check(count, threads);
}
