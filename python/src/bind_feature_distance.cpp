#include "arrays.hpp"
#include "channel_arrays.hpp"

#include <pybind11/stl.h>

#include <limen/feature_distance.hpp>

namespace limen::python {
namespace {

py::object score(const py::object& f0, const py::object& f1, const py::object& weight, int channel_axis,
                 const std::string& reduction, const py::object& map, const py::object& state) {
    static_cast<void>(core_reduction(reduction));
    Images features(f0, f1, channel_axis, "f0", "f1");
    features.add("map", map, features.height(), features.width(), true, 1);
    features.add("state", state, features.height(), features.width(), true, feature_state_size);
    const std::vector<Images::Views> calls = features.views();
    const std::vector<double> weights = weights_of(weight, calls[0].x.channels);
    std::vector<double> scores(static_cast<std::size_t>(calls[0].x.batch) * calls.size());
    {
        const py::gil_scoped_release release;  // the views hold no Python object
        for (const Images::Views& v : calls)
            feature_distance(v.x, v.y, data_or_null(weights), scores.data() + v.first, v.other(0), v.other(1));
    }
    // The channels are summed over: there is nothing for "none" to keep.
    return score_object(scores, features.score_shape(reduction == "none" ? "image" : reduction), reduction);
}

void gradient(const py::object& f0, const py::object& f1, const py::object& weight, int channel_axis,
              const py::object& state, const py::object& upstream, const py::object& grad_f0, const py::object& grad_f1,
              const py::object& grad_weight) {
    if (state.is_none() || upstream.is_none()) throw py::value_error("state and upstream must be arrays; got None");
    Images features(f0, f1, channel_axis, "f0", "f1");
    features.add("state", state, features.height(), features.width(), false, feature_state_size);
    features.add("upstream", upstream, features.height(), features.width(), false, 1);
    features.add("grad_f0", grad_f0, features.height(), features.width(), true);
    features.add("grad_f1", grad_f1, features.height(), features.width(), true);
    const std::vector<Images::Views> calls = features.views();
    const auto channels = static_cast<std::size_t>(calls[0].x.channels);
    const std::vector<double> weights = weights_of(weight, calls[0].x.channels);
    Array of_weight;  // keeps its memory
    double* sums = nullptr;
    if (!grad_weight.is_none()) {
        of_weight = written(channel_array("grad_weight", grad_weight, calls[0].x.channels));
        if (of_weight.dtype != DType::float64) throw py::value_error("grad_weight must be float64");
        sums = reinterpret_cast<double*>(of_weight.data);
    }
    const py::gil_scoped_release release;  // the views hold no Python object
    std::vector<double> part(sums ? channels : 0), total(part.size());
    for (const Images::Views& v : calls) {
        feature_distance_gradient(v.x, v.y, data_or_null(weights), *v.input(0), *v.input(1), v.other(2), v.other(3),
                                  sums ? part.data() : nullptr);
        for (std::size_t c = 0; c < part.size(); c++) total[c] += part[c];
    }
    std::copy(total.begin(), total.end(), sums);
}

}  // namespace

void bind_feature_distance(py::module_& m) {
    m.def("feature_distance", &score, py::arg("f0"), py::arg("f1"), py::arg("weight"), py::arg("channel_axis"),
          py::arg("reduction"), py::arg("map") = py::none(), py::arg("state") = py::none());
    m.def("feature_distance_gradient", &gradient, py::arg("f0"), py::arg("f1"), py::arg("weight"),
          py::arg("channel_axis"), py::arg("state"), py::arg("upstream"), py::arg("grad_f0") = py::none(),
          py::arg("grad_f1") = py::none(), py::arg("grad_weight") = py::none());
    m.attr("feature_state_size") = feature_state_size;
}

}  // namespace limen::python
