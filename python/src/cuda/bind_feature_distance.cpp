#include "calls.hpp"

#include <pybind11/stl.h>

#include <limen/feature_distance.hpp>

namespace limen::python {
namespace {

std::optional<cuda::ChannelWeights> weights_of(const Row& row) {
    const std::optional<cuda::Upstream> numbers = row.upstream(0);
    if (!numbers) return std::nullopt;
    return cuda::ChannelWeights{numbers->data, numbers->dtype};
}

void score(const py::object& f0, const py::object& f1, const py::object& weight, int channel_axis,
           const py::object& scores, const py::object& map, const py::object& state, const py::object& allocate,
           std::uintptr_t stream) {
    Images features(f0, f1, channel_axis, "f0", "f1");
    features.add("map", map, features.height(), features.width(), true, 1);
    features.add("state", state, features.height(), features.width(), true, feature_state_size);
    const std::vector<Images::Views> calls = features.views();
    const Row out("scores", scores, scores_of(Reduction::image, calls), features, true);
    const Row numbers("weight", weight, calls[0].x.channels, features, false);
    const Workspace workspace(allocate, cuda::feature_distance_workspace_bytes(calls[0].x));
    const py::gil_scoped_release release;  // the views hold no Python object
    for (const Images::Views& v : calls)
        cuda::feature_distance(v.x, v.y, pointer(weights_of(numbers)), out.scores(v.first).value(), v.other(0),
                               v.other(1), workspace.get(), stream_of(stream));
}

// `grad_weight` has a row of numbers for every call of the core, or more; the gradient is their sum. Rows to spare are left alone.
void gradient(const py::object& f0, const py::object& f1, const py::object& weight, int channel_axis,
              const py::object& state, const py::object& upstream, const py::object& grad_f0, const py::object& grad_f1,
              const py::object& grad_weight, const py::object& allocate, std::uintptr_t stream) {
    if (state.is_none() || upstream.is_none()) throw py::value_error("state and upstream must be arrays; got None");
    Images features(f0, f1, channel_axis, "f0", "f1");
    features.add("state", state, features.height(), features.width(), false, feature_state_size);
    features.add("upstream", upstream, features.height(), features.width(), false, 1);
    features.add("grad_f0", grad_f0, features.height(), features.width(), true);
    features.add("grad_f1", grad_f1, features.height(), features.width(), true);
    const std::vector<Images::Views> calls = features.views();
    const std::int64_t channels = calls[0].x.channels;
    std::optional<Array> sums = array_or_none("grad_weight", grad_weight);
    const auto rows = std::max(static_cast<std::int64_t>(calls.size()),
                               sums && !sums->shape.empty() ? sums->shape[0] : std::int64_t{0});
    const Row out("grad_weight", std::move(sums), rows * channels, features, true);
    const Row numbers("weight", weight, channels, features, false);
    const Workspace workspace(allocate,
                              cuda::feature_distance_gradient_workspace_bytes(calls[0].x, !grad_weight.is_none()));
    const py::gil_scoped_release release;  // the views hold no Python object
    std::int64_t row = 0;
    for (const Images::Views& v : calls)
        cuda::feature_distance_gradient(v.x, v.y, pointer(weights_of(numbers)), v.input(0).value(), v.input(1).value(),
                                        v.other(2), v.other(3), pointer(out.scores(channels * row++)), workspace.get(),
                                        stream_of(stream));
}

}  // namespace

void bind_cuda_feature_distance(py::module_& m) {
    m.def("feature_distance", &score);
    m.def("feature_distance_gradient", &gradient);
}

}  // namespace limen::python
