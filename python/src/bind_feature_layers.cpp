// The distance of features of several layers in one call, as PyTorch's operators use it.
#include "arrays.hpp"
#include "channel_arrays.hpp"

#include <pybind11/stl.h>

#include <deque>

#include <limen/feature_distance.hpp>

namespace limen::python {
namespace {

// (batch, channels, height, width), of any strides.
Array four_axes(const char* name, const py::object& object) {
    Array a = array_of(name, object);
    if (a.shape.size() != 4)
        throw py::value_error(std::string(name) + " must have four axes; got shape " + repr(a.shape));
    return a;
}

Array like(const Array& f0, const char* name, const py::object& object) {
    Array a = array_of(name, object);
    if (a.shape != f0.shape)
        throw py::value_error(std::string(name) + " must have shape " + repr(f0.shape) + "; got " + repr(a.shape));
    return a;
}

template <class View>
View view(const Array& a) {
    return {a.data,     a.dtype,      a.shape[0],   a.shape[1],   a.shape[2],
            a.shape[3], a.strides[0], a.strides[1], a.strides[2], a.strides[3]};
}

// Features of one layer, and the weights of its channels.
struct Layer {
    Array f0, f1;
    std::vector<double> weight;

    Layer(const py::object& f0_, const py::object& f1_, const py::object& weight_)
        : f0(four_axes("f0", f0_)), f1(like(f0, "f1", f1_)), weight(weights_of(weight_, f0.shape[1])) {
        if (f1.dtype != f0.dtype) throw py::type_error("f0 and f1 must have the same dtype");
    }
    std::int64_t state_size() const { return f0.shape[0] * feature_state_size * f0.shape[2] * f0.shape[3]; }
};

std::vector<Layer> layers_of(const std::vector<py::object>& f0, const std::vector<py::object>& f1,
                             const std::vector<py::object>& weights) {
    if (f0.empty() || f1.size() != f0.size() || (!weights.empty() && weights.size() != f0.size()))
        throw py::value_error("f0 and f1 must hold as many layers, and weights as many or none; got " +
                              std::to_string(f0.size()) + ", " + std::to_string(f1.size()) + " and " +
                              std::to_string(weights.size()));
    std::vector<Layer> layers;
    for (std::size_t k = 0; k < f0.size(); k++) {
        layers.emplace_back(f0[k], f1[k], weights.empty() ? py::none() : weights[k]);
        if (layers[k].f0.shape[0] != layers[0].f0.shape[0] || layers[k].f0.dtype != layers[0].f0.dtype)
            throw py::value_error("all layers must have the batch and the dtype of the first");
    }
    return layers;
}

// Numbers of every layer, one layer after the other: (batch, channels, height, width) of each.
template <class View>
std::vector<View> views_of(const Array& numbers, const std::vector<Layer>& layers) {
    std::vector<View> views;
    char* at = numbers.data;
    for (const Layer& layer : layers) {
        const auto& shape = layer.f0.shape;
        views.push_back(View::planar(at, numbers.dtype, shape[2], shape[3], feature_state_size, shape[0]));
        at += layer.state_size() * numbers.item_size();
    }
    return views;
}

Array state_of(const py::object& object, const std::vector<Layer>& layers) {
    Array state = array_of("state", object);
    std::int64_t size = 0;
    for (const Layer& layer : layers) size += layer.state_size();
    if (state.shape != std::vector{size} || (size > 1 && state.strides[0] != 1))
        throw py::value_error("state must be contiguous, of shape " + repr({size}) + "; got " + repr(state.shape));
    return state;
}

// Rows are images, columns are layers.
Array table_of(const char* name, const py::object& object, const std::vector<Layer>& layers) {
    Array table = array_of(name, object);
    const std::vector<std::int64_t> shape = {layers[0].f0.shape[0], static_cast<std::int64_t>(layers.size())};
    if (table.shape != shape)
        throw py::value_error(std::string(name) + " must have shape " + repr(shape) + "; got " + repr(table.shape));
    if (table.dtype != DType::float32 && table.dtype != DType::float64)
        throw py::value_error(std::string(name) + " must be float32 or float64");
    return table;
}

void scores(const std::vector<py::object>& f0, const std::vector<py::object>& f1,
            const std::vector<py::object>& weights, const py::object& scores_, const py::object& state_) {
    const std::vector<Layer> layers = layers_of(f0, f1, weights);
    const Array table = written(table_of("scores", scores_, layers));
    const std::int64_t batch = table.shape[0];
    std::vector<OutputView> states;
    Array state;
    if (!state_.is_none()) states = views_of<OutputView>(state = written(state_of(state_, layers)), layers);

    const py::gil_scoped_release release;
    std::vector<double> values(layers.size() * static_cast<std::size_t>(batch));
    std::vector<FeatureLayer> of_core;
    for (std::size_t k = 0; k < layers.size(); k++)
        of_core.push_back({view<ImageView>(layers[k].f0), view<ImageView>(layers[k].f1), data_or_null(layers[k].weight),
                           values.data() + k * static_cast<std::size_t>(batch), nullptr,
                           states.empty() ? nullptr : &states[k]});
    feature_distances(of_core);
    const auto fill = [&](auto* to) {
        for (std::size_t k = 0; k < layers.size(); k++)
            for (std::int64_t b = 0; b < batch; b++)
                to[b * table.strides[0] + static_cast<std::int64_t>(k) * table.strides[1]] =
                    static_cast<std::remove_reference_t<decltype(*to)>>(
                        values[k * static_cast<std::size_t>(batch) + static_cast<std::size_t>(b)]);
    };
    if (table.dtype == DType::float64) fill(reinterpret_cast<double*>(table.data));
    else fill(reinterpret_cast<float*>(table.data));
}

// Factor of every image's positions in one layer: its score is their mean.
template <class Number>
std::vector<Number> factors_of(const Array& upstream, const Array& f0, std::size_t layer) {
    std::vector<Number> factors;
    const auto* from =
        reinterpret_cast<const Number*>(upstream.data) + static_cast<std::int64_t>(layer) * upstream.strides[1];
    for (std::int64_t b = 0; b < f0.shape[0]; b++)
        factors.push_back(from[b * upstream.strides[0]] / static_cast<Number>(f0.shape[2] * f0.shape[3]));
    return factors;
}

// None where they aren't needed.
class Gradients {
  public:
    Gradients(const char* name, const std::vector<py::object>& objects, const std::vector<Layer>& layers) {
        if (!objects.empty() && objects.size() != layers.size())
            throw py::value_error(std::string(name) + " must hold a gradient for each layer, or none");
        for (std::size_t k = 0; k < objects.size(); k++) {
            arrays_.push_back(written(like(layers[k].f0, name, objects[k])));
            views_.push_back(view<OutputView>(arrays_.back()));
        }
    }
    const OutputView* of(std::size_t layer) const { return views_.empty() ? nullptr : &views_[layer]; }

  private:
    std::vector<Array> arrays_;  // keep their memory
    std::vector<OutputView> views_;
};

void gradients(const std::vector<py::object>& f0, const std::vector<py::object>& f1,
               const std::vector<py::object>& weights, const py::object& state_, const py::object& upstream_,
               const std::vector<py::object>& grad_f0, const std::vector<py::object>& grad_f1,
               const py::object& grad_weight) {
    const std::vector<Layer> layers = layers_of(f0, f1, weights);
    const Array state = state_of(state_, layers);
    const std::vector<ImageView> states = views_of<ImageView>(state, layers);
    const Array upstream = table_of("upstream", upstream_, layers);
    const Gradients of_f0("grad_f0", grad_f0, layers), of_f1("grad_f1", grad_f1, layers);
    std::int64_t channels = 0;
    for (const Layer& layer : layers) channels += layer.f0.shape[1];
    Array of_weight;
    double* sums = nullptr;
    if (!grad_weight.is_none()) {
        of_weight = written(channel_array("grad_weight", grad_weight, channels));
        if (of_weight.dtype != DType::float64) throw py::value_error("grad_weight must be float64");
        sums = reinterpret_cast<double*>(of_weight.data);
    }

    const py::gil_scoped_release release;
    std::vector<std::vector<float>> narrow(layers.size());
    std::vector<std::vector<double>> wide(layers.size());
    std::vector<FeatureGradientLayer> of_core;
    for (std::size_t k = 0; k < layers.size(); k++) {
        const Array& features = layers[k].f0;
        ImageView factors = {
            nullptr, upstream.dtype, features.shape[0], 1, features.shape[2], features.shape[3], 1, 0, 0, 0};
        if (upstream.dtype == DType::float64)
            factors.data = (wide[k] = factors_of<double>(upstream, features, k)).data();
        else factors.data = (narrow[k] = factors_of<float>(upstream, features, k)).data();
        of_core.push_back({view<ImageView>(features), view<ImageView>(layers[k].f1), data_or_null(layers[k].weight),
                           states[k], factors, of_f0.of(k), of_f1.of(k), sums});
        if (sums) sums += features.shape[1];
    }
    feature_distance_gradients(of_core);
}

}  // namespace

void bind_feature_layers(py::module_& m) {
    m.def("feature_distances", &scores, py::arg("f0"), py::arg("f1"), py::arg("weights"), py::arg("scores"),
          py::arg("state"));
    m.def("feature_distance_gradients", &gradients, py::arg("f0"), py::arg("f1"), py::arg("weights"), py::arg("state"),
          py::arg("upstream"), py::arg("grad_f0"), py::arg("grad_f1"), py::arg("grad_weight"));
}

}  // namespace limen::python
