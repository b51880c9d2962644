#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "kept_memory.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace limen::python {
namespace {

namespace py = pybind11;

// Bytes for a large result, as an array that gives them back when nobody refers to it any more.
py::array_t<std::uint8_t> empty_bytes(std::size_t size) {
    auto memory = std::make_unique<detail::KeptMemory>(detail::take_memory(size));
    const auto* const first = reinterpret_cast<const std::uint8_t*>(memory->get());
    const py::capsule owner(memory.get(), [](void* owned) { delete static_cast<detail::KeptMemory*>(owned); });
    static_cast<void>(memory.release());  // the capsule's now
    return py::array_t<std::uint8_t>(static_cast<py::ssize_t>(size), first, owner);
}

void prefer_large_pages(std::uintptr_t address, std::size_t size) {
    detail::prefer_large_pages(reinterpret_cast<std::byte*>(address), size);
}

}  // namespace

void bind_memory(py::module_& m) {
    m.def("empty_bytes", &empty_bytes);
    m.def("prefer_large_pages", &prefer_large_pages);
}

}  // namespace limen::python
