#include "arrays.hpp"

#include <pybind11/stl.h>

namespace limen::python {
namespace {

// Throws what is wrong with a pair of images, if anything is.
void check_images(const py::object& x, const py::object& y, std::optional<int> channel_axis) {
    static_cast<void>(Images(x, y, channel_axis));
}

py::dtype numpy_dtype(DType dtype) {
    static constexpr const char* names[] = {"uint8", "uint16", "float16", "bfloat16", "float32", "float64"};
    // NumPy has no bfloat16 of its own.
    if (dtype == DType::bfloat16) return py::dtype::from_args(py::module_::import("ml_dtypes").attr("bfloat16"));
    return py::dtype(names[static_cast<int>(dtype)]);
}

// The memory of a producer of DLPack as a NumPy array. numpy.from_dlpack knows no bfloat16, and in some versions no memory that is
// read-only.
py::array as_numpy(const std::string& name, const py::object& object) {
    const Array a = array_of(name.c_str(), object);
    std::vector<std::int64_t> strides = a.strides;
    for (std::int64_t& stride : strides) stride *= a.item_size();
    return py::array(numpy_dtype(a.dtype), a.shape, strides, a.data, a.owner);
}

}  // namespace

void bind_arrays(py::module_& m) {
    m.def("check_images", &check_images);
    m.def("as_numpy", &as_numpy);
}

}  // namespace limen::python
