#include "arrays.hpp"

#include <pybind11/stl.h>

#include <limen/pixel_errors.hpp>

namespace limen::python {
namespace {

template <class Metric>
py::object score(const py::object& x, const py::object& y, std::optional<int> channel_axis,
                 const std::string& reduction, const Metric& metric) {
    const Reduction core = core_reduction(reduction);
    const Images images(x, y, channel_axis);
    const std::vector<Images::Views> calls = images.views();
    const std::int64_t each = core == Reduction::image ? 1 : calls[0].x.channels;
    std::vector<double> scores(static_cast<std::size_t>(calls[0].x.batch * each) * calls.size());
    {
        const py::gil_scoped_release release;  // the views hold no Python object
        for (const Images::Views& v : calls) metric(v.x, v.y, core, scores.data() + v.first * each);
    }
    return score_object(scores, images.score_shape(reduction), reduction);
}

}  // namespace

void bind_pixel_errors(py::module_& m) {
    m.def("mse", [](const py::object& x, const py::object& y, std::optional<int> channel_axis,
                    const std::string& reduction) { return score(x, y, channel_axis, reduction, mse); });
    m.def("mae", [](const py::object& x, const py::object& y, std::optional<int> channel_axis,
                    const std::string& reduction) { return score(x, y, channel_axis, reduction, mae); });
    m.def("psnr", [](const py::object& x, const py::object& y, double data_range, std::optional<int> channel_axis,
                     const std::string& reduction) {
        return score(x, y, channel_axis, reduction,
                     [data_range](const ImageView& a, const ImageView& b, Reduction core, double* scores) {
                         psnr(a, b, data_range, core, scores);
                     });
    });
}

}  // namespace limen::python
