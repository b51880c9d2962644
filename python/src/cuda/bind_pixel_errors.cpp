#include "calls.hpp"

#include <pybind11/stl.h>

namespace limen::python {
namespace {

template <class Metric>
void score(const py::object& x, const py::object& y, std::optional<int> channel_axis, const std::string& reduction,
           const py::object& scores, const py::object& allocate, const Metric& metric) {
    const Reduction core = core_reduction(reduction);
    const Images images(x, y, channel_axis);
    const std::vector<Images::Views> calls = images.views();
    const Row out("scores", scores, scores_of(core, calls), images, true);
    const Workspace workspace(allocate, cuda::pixel_errors_workspace_bytes(calls[0].x));
    const py::gil_scoped_release release;  // the views hold no Python object
    for (const Images::Views& v : calls)
        metric(v.x, v.y, core, out.scores(v.first * scores_each(core, v)).value(), workspace.get());
}

}  // namespace

void bind_cuda_pixel_errors(py::module_& m) {
    m.def("mse",
          [](const py::object& x, const py::object& y, std::optional<int> channel_axis, const std::string& reduction,
             const py::object& scores, const py::object& allocate, std::uintptr_t stream) {
              score(x, y, channel_axis, reduction, scores, allocate,
                    [stream](const auto&... arguments) { cuda::mse(arguments..., stream_of(stream)); });
          });
    m.def("mae",
          [](const py::object& x, const py::object& y, std::optional<int> channel_axis, const std::string& reduction,
             const py::object& scores, const py::object& allocate, std::uintptr_t stream) {
              score(x, y, channel_axis, reduction, scores, allocate,
                    [stream](const auto&... arguments) { cuda::mae(arguments..., stream_of(stream)); });
          });
    m.def("psnr", [](const py::object& x, const py::object& y, double data_range, std::optional<int> channel_axis,
                     const std::string& reduction, const py::object& scores, const py::object& allocate,
                     std::uintptr_t stream) {
        score(x, y, channel_axis, reduction, scores, allocate,
              [&](const ImageView& a, const ImageView& b, const auto&... arguments) {
                  cuda::psnr(a, b, data_range, arguments..., stream_of(stream));
              });
    });
}

}  // namespace limen::python
