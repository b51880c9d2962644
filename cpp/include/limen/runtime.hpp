#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace limen {

/// What this machine can run, best last: "reference" (direct sums in float64, slow: the written definition), "scalar", then
/// "avx2", "avx512" or "neon".
std::vector<std::string> implementations();

/// The one in use, for the whole process: the best, or what the environment variable LIMEN_IMPLEMENTATION or set_implementation()
/// names.
std::string implementation();

/// "auto" takes the environment's choice, or the best. Throws std::invalid_argument for a name that is not in implementations().
void set_implementation(std::string_view name);

/// Threads a call may use; results do not depend on it. At first OMP_NUM_THREADS or the number of processors. A call from within a
/// parallel region of OpenMP stays on its thread.
int num_threads();
void set_num_threads(int count);

/// Gives the system back what is kept of earlier calls for later ones: scratch memory and, in Python, results that nobody refers to any
/// more, at most 64 MiB in all. Nothing, if another thread takes from it or adds to it just then.
void release_memory();

const char* version();

}  // namespace limen
