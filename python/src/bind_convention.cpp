#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <initializer_list>
#include <limen/convention.hpp>
#include <string>
#include <utility>

namespace limen::python {
namespace {

namespace py = pybind11;

template <class Enum>
Enum choice(const char* field, const std::string& name, std::initializer_list<std::pair<const char*, Enum>> choices) {
    std::string names;
    for (const auto& [text, value] : choices) {
        if (name == text) return value;
        names += (names.empty() ? "'" : ", '") + std::string(text) + "'";
    }
    throw py::value_error(std::string(field) + " must be one of " + names + "; got '" + name + "'");
}

}  // namespace

void bind_convention(py::module_& m) {
    py::class_<Convention>(m, "Convention")
        .def(py::init([](const std::string& window, int size, double sigma, double k1, double k2,
                         const std::string& padding, const std::string& downsample, const std::string& covariance,
                         const std::string& negative, const std::vector<double>& weights, const std::string& channels,
                         bool crop_contrast, double epsilon, bool auto_downsample) {
                 Convention c;
                 c.window = choice<WindowShape>(
                     "window", window, {{"gaussian", WindowShape::gaussian}, {"uniform", WindowShape::uniform}});
                 c.size = size;
                 c.sigma = sigma;
                 c.k1 = k1;
                 c.k2 = k2;
                 c.padding = choice<Padding>("padding", padding,
                                             {{"valid", Padding::valid},
                                              {"zero", Padding::zero},
                                              {"reflect", Padding::reflect},
                                              {"symmetric", Padding::symmetric},
                                              {"replicate", Padding::replicate}});
                 c.downsample = choice<Downsample>("downsample", downsample,
                                                   {{"symmetric", Downsample::symmetric},
                                                    {"zero", Downsample::zero},
                                                    {"replicate", Downsample::replicate},
                                                    {"floor", Downsample::floor},
                                                    {"none", Downsample::none}});
                 c.covariance =
                     choice<Covariance>("covariance", covariance,
                                        {{"population", Covariance::population}, {"sample", Covariance::sample}});
                 c.negative = choice<Negative>("negative", negative,
                                               {{"clamp", Negative::clamp}, {"signed", Negative::is_signed}});
                 c.channels = choice<Channels>("channels", channels,
                                               {{"separate", Channels::separate}, {"joint", Channels::joint}});
                 c.crop_contrast = crop_contrast;
                 c.epsilon = epsilon;
                 c.auto_downsample = auto_downsample;
                 if (weights.empty() || weights.size() > Convention::max_scales)
                     throw py::value_error("weights must have 1 to " + std::to_string(Convention::max_scales) +
                                           " exponents; got " + std::to_string(weights.size()));
                 c.scales = static_cast<int>(weights.size());
                 std::copy(weights.begin(), weights.end(), c.weights.begin());
                 return c;
             }),
             py::kw_only(), py::arg("window"), py::arg("size"), py::arg("sigma"), py::arg("k1"), py::arg("k2"),
             py::arg("padding"), py::arg("downsample"), py::arg("covariance"), py::arg("negative"), py::arg("weights"),
             py::arg("channels"), py::arg("crop_contrast"), py::arg("epsilon"), py::arg("auto_downsample"))
        .def_readonly("scales", &Convention::scales)
        .def("map_size", [](const Convention& c, std::int64_t height, std::int64_t width) {
            const auto size = c.map_size(height, width);
            return py::make_tuple(size[0], size[1]);
        });
}

}  // namespace limen::python
