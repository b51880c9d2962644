// Arrays of the calls of features that hold something else: a number for each channel, say.
#pragma once

#include "arrays.hpp"

namespace limen::python {

/// One number for each channel, side by side.
inline Array channel_array(const char* name, const py::object& object, std::int64_t channels) {
    Array a = array_of(name, object);
    if (a.shape.size() != 1 || (a.shape[0] > 1 && a.strides[0] != 1))
        throw py::value_error(std::string(name) + " must be a contiguous array of one axis; got shape " +
                              repr(a.shape));
    if (a.shape[0] != channels)
        throw py::value_error(std::string(name) + " must have " + std::to_string(channels) +
                              " numbers, one for each channel; got " + std::to_string(a.shape[0]));
    return a;
}

/// An array that is filled.
inline Array written(Array a) {
    if (a.read_only) throw py::value_error(std::string(a.name) + " must be writable; got a read-only array");
    return a;
}

/// Weights as the core takes them, from float32 or float64; of none, none.
inline std::vector<double> weights_of(const py::object& object, std::int64_t channels) {
    if (object.is_none()) return {};
    const Array a = channel_array("weight", object, channels);
    const auto copied = [&](const auto* from) { return std::vector<double>(from, from + channels); };
    if (a.dtype == DType::float64) return copied(reinterpret_cast<const double*>(a.data));
    if (a.dtype == DType::float32) return copied(reinterpret_cast<const float*>(a.data));
    throw py::value_error("weight must be float32 or float64");
}

inline const double* data_or_null(const std::vector<double>& numbers) {
    return numbers.empty() ? nullptr : numbers.data();
}

}  // namespace limen::python
