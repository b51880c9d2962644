#include "arrays.hpp"

#include <pybind11/stl.h>

#include <limen/ssim.hpp>

namespace limen::python {
namespace {

py::object score(const py::object& x, const py::object& y, const Convention& convention, double data_range,
                 std::optional<int> channel_axis, const std::string& reduction, const py::object& map) {
    const Reduction core = core_reduction(reduction);
    Images images(x, y, channel_axis);
    const auto [height, width] = convention.map_size(images.height(), images.width());
    images.add("map", map, height, width, true);
    const std::vector<Images::Views> calls = images.views();
    const std::int64_t each = core == Reduction::image ? 1 : calls[0].x.channels;
    std::vector<double> scores(static_cast<std::size_t>(calls[0].x.batch * each) * calls.size());
    {
        const py::gil_scoped_release release;  // the views hold no Python object
        for (const Images::Views& v : calls)
            ssim(v.x, v.y, data_range, convention, core, scores.data() + v.first * each, v.other(0));
    }
    return score_object(scores, images.score_shape(reduction), reduction);
}

py::object gradient(const py::object& x, const py::object& y, const Convention& convention, double data_range,
                    std::optional<int> channel_axis, const std::string& reduction, const py::object& grad_x,
                    const py::object& grad_y, const py::object& weight, double factor) {
    const Reduction core = core_reduction(reduction);
    Images images(x, y, channel_axis);
    images.add("grad_x", grad_x, images.height(), images.width(), true);
    images.add("grad_y", grad_y, images.height(), images.width(), true);
    const auto [height, width] = convention.map_size(images.height(), images.width());
    images.add("weight", weight, height, width, false);
    const std::vector<Images::Views> calls = images.views();
    const std::int64_t each = core == Reduction::image ? 1 : calls[0].x.channels;
    std::vector<double> scores(static_cast<std::size_t>(calls[0].x.batch * each) * calls.size());
    {
        const py::gil_scoped_release release;  // the views hold no Python object
        for (const Images::Views& v : calls) {
            const std::optional<ImageView> weights = v.input(2);
            ssim_gradient(v.x, v.y, data_range, convention, core, scores.data() + v.first * each, v.other(0),
                          v.other(1), weights ? &*weights : nullptr, factor);
        }
    }
    return score_object(scores, images.score_shape(reduction), reduction);
}

}  // namespace

void bind_ssim(py::module_& m) {
    m.def("ssim", &score, py::arg("x"), py::arg("y"), py::arg("convention"), py::arg("data_range"),
          py::arg("channel_axis"), py::arg("reduction"), py::arg("map") = py::none());
    m.def("ssim_gradient", &gradient, py::arg("x"), py::arg("y"), py::arg("convention"), py::arg("data_range"),
          py::arg("channel_axis"), py::arg("reduction"), py::arg("grad_x") = py::none(), py::arg("grad_y") = py::none(),
          py::arg("weight") = py::none(), py::arg("factor") = 1.0);
}

}  // namespace limen::python
