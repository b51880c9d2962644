#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <limen/runtime.hpp>

namespace limen::python {

void bind_runtime(pybind11::module_& m) {
    m.def("version", &version);
    m.def("implementations", &implementations);
    m.def("get_implementation", &implementation);
    m.def("set_implementation", &set_implementation);
    m.def("get_num_threads", &num_threads);
    m.def("set_num_threads", &set_num_threads);
    m.def("release_memory", &release_memory);
}

}  // namespace limen::python
