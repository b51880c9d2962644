#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <limen/runtime.hpp>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace limen::python {
namespace {

// Asks for large pages for memory that is about to be written: new memory costs a page fault for each 4 KiB otherwise, together longer
// than the writing. Small memory is mostly not new, so that it isn't worth the call. NumPy does the same for its arrays.
void prefer_large_pages(std::uintptr_t address, std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::size_t least = std::size_t{4} << 20;
    if (bytes < least) return;
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const std::uintptr_t begin = (address + page - 1) / page * page, end = (address + bytes) / page * page;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a wish: it may be refused
#else
    static_cast<void>(address);
    static_cast<void>(bytes);
#endif
}

}  // namespace

void bind_runtime(pybind11::module_& m) {
    m.def("version", &version);
    m.def("implementations", &implementations);
    m.def("get_implementation", &implementation);
    m.def("set_implementation", &set_implementation);
    m.def("get_num_threads", &num_threads);
    m.def("set_num_threads", &set_num_threads);
    m.def("prefer_large_pages", &prefer_large_pages);
}

}  // namespace limen::python
