#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <limen/cuda.hpp>
#include <string>

namespace limen::python {

namespace py = pybind11;

void bind_cuda_feature_distance(py::module_& m);
void bind_cuda_l1_ssim(py::module_& m);
void bind_cuda_ms_ssim(py::module_& m);
void bind_cuda_pixel_errors(py::module_& m);
void bind_cuda_ssim(py::module_& m);

namespace {

// What to do about it, for the refusals of CUDA (by their numbers, which are part of its interface) that a user can do something about.
std::string advice(int code) {
    switch (code) {
        case 35:
            return ". There is no NVIDIA driver, or one older than the CUDA runtime in this build of limen: install "
                   "one, or "
                   "a newer one";
        case 100: return ". The NVIDIA driver finds no GPU: see what nvidia-smi says";
        case 209:
            return ". This build of limen holds no code for this GPU: build it with LIMEN_CUDA_ARCHITECTURES set to "
                   "its compute capability";
        case 700:
        case 719:
            return ". Something that ran on the GPU before this call failed, or limen did; CUDA_LAUNCH_BLOCKING=1 "
                   "tells "
                   "which, and this process can't use the GPU any more";
        default: return "";
    }
}

}  // namespace
}  // namespace limen::python

PYBIND11_MODULE(_cuda, m, pybind11::mod_gil_not_used()) {
    namespace py = pybind11;
    m.doc() = "The CUDA core of limen. Use the package limen, whose functions check and dispatch.";
    py::register_local_exception_translator([](std::exception_ptr raised) {
        try {
            if (raised) std::rethrow_exception(raised);
        } catch (const limen::cuda::Error& error) {
            const bool memory = error.code() == 2;
            py::set_error(memory ? PyExc_MemoryError : PyExc_RuntimeError,
                          (error.what() + limen::python::advice(error.code())).c_str());
        }
    });
    py::module_::import("limen._core");  // which knows conventions
    m.def("devices", &limen::cuda::devices);
    limen::python::bind_cuda_pixel_errors(m);
    limen::python::bind_cuda_ssim(m);
    limen::python::bind_cuda_ms_ssim(m);
    limen::python::bind_cuda_l1_ssim(m);
    limen::python::bind_cuda_feature_distance(m);
}
