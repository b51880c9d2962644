#include "arrays.hpp"

#include <pybind11/stl.h>

#include <limen/ms_ssim.hpp>

namespace limen::python {
namespace {

py::object score(const py::object& x, const py::object& y, const Convention& convention, double data_range,
                 std::optional<int> channel_axis, const std::string& reduction) {
    const Reduction core = core_reduction(reduction);
    const Images images(x, y, channel_axis);
    const std::vector<Images::Views> calls = images.views();
    const std::int64_t each = core == Reduction::image ? 1 : calls[0].x.channels;
    std::vector<double> scores(static_cast<std::size_t>(calls[0].x.batch * each) * calls.size());
    std::vector<double> scales(scores.size() * static_cast<std::size_t>(convention.scales));
    {
        const py::gil_scoped_release release;  // the views hold no Python object
        for (const Images::Views& v : calls)
            ms_ssim(v.x, v.y, data_range, convention, core, scores.data() + v.first * each,
                    scales.data() + v.first * each * convention.scales);
    }
    std::vector<py::ssize_t> shape = images.score_shape(reduction == "mean" ? "image" : reduction);
    shape.push_back(convention.scales);
    return py::make_tuple(score_object(scores, images.score_shape(reduction), reduction),
                          score_object(scales, shape, "none"));
}

py::object gradient(const py::object& x, const py::object& y, const Convention& convention, double data_range,
                    std::optional<int> channel_axis, const std::string& reduction, const py::object& grad_x,
                    const py::object& grad_y, double factor) {
    const Reduction core = core_reduction(reduction);
    Images images(x, y, channel_axis);
    images.add("grad_x", grad_x, images.height(), images.width(), true);
    images.add("grad_y", grad_y, images.height(), images.width(), true);
    const std::vector<Images::Views> calls = images.views();
    const std::int64_t each = core == Reduction::image ? 1 : calls[0].x.channels;
    std::vector<double> scores(static_cast<std::size_t>(calls[0].x.batch * each) * calls.size());
    {
        const py::gil_scoped_release release;  // the views hold no Python object
        for (const Images::Views& v : calls)
            ms_ssim_gradient(v.x, v.y, data_range, convention, core, scores.data() + v.first * each, v.other(0),
                             v.other(1), factor);
    }
    return score_object(scores, images.score_shape(reduction), reduction);
}

}  // namespace

void bind_ms_ssim(py::module_& m) {
    m.def("ms_ssim", &score, py::arg("x"), py::arg("y"), py::arg("convention"), py::arg("data_range"),
          py::arg("channel_axis"), py::arg("reduction"));
    m.def("ms_ssim_gradient", &gradient, py::arg("x"), py::arg("y"), py::arg("convention"), py::arg("data_range"),
          py::arg("channel_axis"), py::arg("reduction"), py::arg("grad_x") = py::none(), py::arg("grad_y") = py::none(),
          py::arg("factor") = 1.0);
}

}  // namespace limen::python
