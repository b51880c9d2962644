#include "threads.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#if defined(_OPENMP)
#include <omp.h>
#include <pthread.h>
#endif

namespace limen {
namespace {

#if defined(_OPENMP)
// GNU's OpenMP hangs when a forked child starts threads after its parent did. A child (a data loader's worker, say) therefore
// stays on one thread. Watched for from the start: others in the process may have used the same OpenMP before limen does.
std::atomic<bool> forked{false};
[[maybe_unused]] const int watching = pthread_atfork(nullptr, nullptr, [] { forked = true; });

int initial_threads() { return omp_get_max_threads(); }
#else
int initial_threads() { return 1; }
#endif

std::atomic<int>& threads() {
    static std::atomic<int> count{initial_threads()};
    return count;
}

}  // namespace

int num_threads() { return threads(); }

void set_num_threads(int count) {
    if (count < 1) throw std::invalid_argument("number of threads must be at least 1; got " + std::to_string(count));
    threads() = count;
}

namespace detail {

int threads_for(std::int64_t count) {
#if defined(_OPENMP)
    if (forked || omp_in_parallel()) return 1;
    return static_cast<int>(std::clamp<std::int64_t>(count, 1, threads()));
#else
    static_cast<void>(count);
    return 1;
#endif
}

int thread_index() {
#if defined(_OPENMP)
    return omp_get_thread_num();
#else
    return 0;
#endif
}

}  // namespace detail
}  // namespace limen
