#include "calls.hpp"

#include <pybind11/stl.h>

namespace limen::python {
namespace {

void score(const py::object& x, const py::object& y, const Convention& convention, double data_range,
           std::optional<int> channel_axis, const std::string& reduction, const py::object& scores,
           const py::object& scales, const py::object& state_, const py::object& allocate, std::uintptr_t stream) {
    const Reduction core = core_reduction(reduction);
    const Images images(x, y, channel_axis);
    const std::vector<Images::Views> calls = images.views();
    const std::int64_t count = scores_of(core, calls);
    const Row out("scores", scores, count, images, true);
    const Row means("scales", scales, count * convention.scales, images, true);
    const State state(state_, images, cuda::ms_ssim_state_bytes(calls[0].x, data_range, convention));
    const Workspace workspace(allocate, cuda::ms_ssim_workspace_bytes(calls[0].x, data_range, convention));
    const py::gil_scoped_release release;  // the views hold no Python object
    for (const Images::Views& v : calls) {
        const std::int64_t first = v.first * scores_each(core, v);
        cuda::ms_ssim(v.x, v.y, data_range, convention, core, out.scores(first).value(),
                      pointer(means.scores(first * convention.scales)), workspace.get(), stream_of(stream),
                      state.get());
    }
}

void gradient(const py::object& x, const py::object& y, const Convention& convention, double data_range,
              std::optional<int> channel_axis, const std::string& reduction, const py::object& scores,
              const py::object& grad_x, const py::object& grad_y, const py::object& upstream, double factor,
              const py::object& state_, const py::object& allocate, std::uintptr_t stream) {
    const Reduction core = core_reduction(reduction);
    Images images(x, y, channel_axis);
    images.add("grad_x", grad_x, images.height(), images.width(), true);
    images.add("grad_y", grad_y, images.height(), images.width(), true);
    const std::vector<Images::Views> calls = images.views();
    const Row out("scores", scores, scores_of(core, calls), images, true);
    const Row factors("upstream", upstream, scores_of(core, calls), images, false);
    const State state(state_, images, cuda::ms_ssim_state_bytes(calls[0].x, data_range, convention));
    const Workspace workspace(allocate, cuda::ms_ssim_gradient_workspace_bytes(calls[0].x, data_range, convention));
    const py::gil_scoped_release release;  // the views hold no Python object
    for (const Images::Views& v : calls) {
        const std::int64_t first = v.first * scores_each(core, v);
        cuda::ms_ssim_gradient(v.x, v.y, data_range, convention, core, pointer(out.scores(first)), v.other(0),
                               v.other(1), pointer(factors.upstream(first)), factor, workspace.get(), stream_of(stream),
                               state.get());
    }
}

}  // namespace

void bind_cuda_ms_ssim(py::module_& m) {
    m.def("ms_ssim", &score);
    m.def("ms_ssim_gradient", &gradient);
}

}  // namespace limen::python
