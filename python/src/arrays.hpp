// Python arrays as the core takes them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <limen/image.hpp>

namespace limen::python {

namespace py = pybind11;

/// An array of the caller's, kept alive for as long as this is.
struct Array {
    const char* name = "";  // of the argument, for messages
    char* data = nullptr;
    DType dtype = DType::float32;
    std::vector<std::int64_t> shape, strides;  // strides in elements
    std::int32_t device = 0;                   // of the CUDA devices
    bool read_only = false;
    py::object owner;

    std::int64_t item_size() const;
};

/// From a NumPy array, or anything on the CPU with __dlpack__; in the module of the CUDA core, from anything on a CUDA device with
/// __dlpack__. From what __dlpack__ gives too, which some frameworks make much sooner than they answer that call. Throws TypeError or ValueError naming the argument.
Array array_of(const char* name, const py::object& object);

/// Throws ValueError for an array on another device than x's.
void check_device(const Array& array, std::int32_t device_of_x);

std::string repr(const std::vector<std::int64_t>& shape);

/// A pair of image arrays, their outputs, and the order of their axes.
class Images {
  public:
    Images(const py::object& x, const py::object& y, std::optional<int> channel_axis, const char* x_name = "x",
           const char* y_name = "y");

    /// An array over the same batch and channels, or `channels` of its own, with `height` x `width` pixels, or none.
    void add(const char* name, const py::object& object, std::int64_t height, std::int64_t width, bool written,
             std::optional<std::int64_t> channels = std::nullopt);

    std::int64_t height() const { return x_.shape[row_axis_]; }
    std::int64_t width() const { return x_.shape[col_axis_]; }
    DType dtype() const { return x_.dtype; }
    std::int32_t device() const { return x_.device; }

    /// Whether one call of the core does, whatever the strides.
    bool has_one_batch_axis() const;

    /// Axes of a score: those of the batch, and for "none" the channels.
    std::vector<py::ssize_t> score_shape(const std::string& reduction) const;

    /// One call of the core: views of x, y and, in the order they were added, the others (null where there was none), and where in
    /// the batch it begins. Batch axes that no single stride describes take several.
    struct Views {
        ImageView x, y;
        std::vector<std::optional<OutputView>> others;
        std::int64_t first;

        const OutputView* other(std::size_t i) const { return others[i] ? &*others[i] : nullptr; }
        /// One that is only read.
        std::optional<ImageView> input(std::size_t i) const;
    };
    std::vector<Views> views() const;

  private:
    std::vector<std::size_t> batch_axes() const;
    template <class View>
    View view(const Array& a, std::int64_t batch, std::int64_t batch_stride, std::int64_t offset) const;

    Array x_, y_;
    std::vector<std::optional<Array>> others_;
    std::size_t row_axis_ = 0, col_axis_ = 0;
    std::optional<std::size_t> channel_axis_;
};

/// "image", "mean" or "none".
Reduction core_reduction(const std::string& reduction);

/// Scores as Python sees them: a float where the result has no axes, else a float64 array.
py::object score_object(const std::vector<double>& scores, const std::vector<py::ssize_t>& shape,
                        const std::string& reduction);

}  // namespace limen::python
