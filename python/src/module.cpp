#include <pybind11/pybind11.h>

namespace limen::python {

void bind_arrays(pybind11::module_& m);
void bind_convention(pybind11::module_& m);
void bind_feature_distance(pybind11::module_& m);
void bind_feature_layers(pybind11::module_& m);
void bind_memory(pybind11::module_& m);
void bind_ms_ssim(pybind11::module_& m);
void bind_pixel_errors(pybind11::module_& m);
void bind_runtime(pybind11::module_& m);
void bind_ssim(pybind11::module_& m);

}  // namespace limen::python

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    m.doc() = "The C++ core of limen. Use the package limen, whose functions check and dispatch.";
    limen::python::bind_arrays(m);
    limen::python::bind_convention(m);
    limen::python::bind_runtime(m);
    limen::python::bind_memory(m);
    limen::python::bind_pixel_errors(m);
    limen::python::bind_ssim(m);
    limen::python::bind_ms_ssim(m);
    limen::python::bind_feature_distance(m);
    limen::python::bind_feature_layers(m);
}
