#include "arrays.hpp"

#include "dlpack.hpp"

#include <algorithm>
#include <bit>
#include <sstream>

namespace limen::python {
namespace {

// Where a module finds its arrays. The CUDA core has one of its own.
#if defined(LIMEN_PYTHON_CUDA)
constexpr bool kOnCuda = true;
#else
constexpr bool kOnCuda = false;
#endif

bool reads(std::int32_t device_type) {
#if defined(LIMEN_PYTHON_CUDA) && !defined(LIMEN_CUDA_EMULATION)
    return device_type == dlpack::cuda || device_type == dlpack::cuda_managed;
#else
    return device_type == dlpack::cpu || device_type == dlpack::cuda_host;
#endif
}

constexpr const char* kDTypes = "uint8, uint16, float16, bfloat16, float32 and float64";

std::optional<DType> dtype_of(char kind, std::int64_t bits) {
    if (kind == 'u' && bits == 8) return DType::uint8;
    if (kind == 'u' && bits == 16) return DType::uint16;
    if (kind == 'f' && bits == 16) return DType::float16;
    if (kind == 'b' && bits == 16) return DType::bfloat16;
    if (kind == 'f' && bits == 32) return DType::float32;
    if (kind == 'f' && bits == 64) return DType::float64;
    return std::nullopt;
}

std::optional<DType> dtype_of(const py::dtype& dtype) {
    // bfloat16 is a dtype that other packages register, of NumPy's kind for unknown ones.
    if (dtype.kind() == 'V' && dtype.itemsize() == 2 && std::string(py::str(dtype)) == "bfloat16")
        return DType::bfloat16;
    return dtype.kind() == 'u' || dtype.kind() == 'f' ? dtype_of(dtype.kind(), dtype.itemsize() * 8) : std::nullopt;
}

[[noreturn]] void refuse_dtype(const char* name, const std::string& found) {
    throw py::type_error(std::string(name) + " has dtype " + found + "; dtypes that have a meaning here are " +
                         kDTypes);
}

[[noreturn]] void refuse_misaligned(const char* name, std::int64_t item_size) {
    throw py::value_error(std::string(name) +
                          " is not aligned in memory: its address or one of its strides is no multiple of its " +
                          std::to_string(item_size) + "-byte items; pass a copy");
}

Array from_numpy(const char* name, const py::array& a) {
    Array out;
    out.name = name;
    const py::dtype dtype = a.dtype();
    const auto known = dtype_of(dtype);
    if (!known) refuse_dtype(name, py::str(dtype));
    if (dtype.byteorder() == (std::endian::native == std::endian::little ? '>' : '<'))
        throw py::value_error(std::string(name) + " is byte-swapped (dtype " + std::string(py::str(dtype)) +
                              "); pass " + name + ".astype(" + name + ".dtype.newbyteorder('='))");
    if ((a.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) == 0) refuse_misaligned(name, dtype.itemsize());
    out.dtype = *known;
    out.data = const_cast<char*>(static_cast<const char*>(a.data()));
    out.read_only = !a.writeable();
    for (py::ssize_t i = 0; i < a.ndim(); i++) {
        out.shape.push_back(a.shape(i));
        if (a.strides(i) % dtype.itemsize() != 0) refuse_misaligned(name, dtype.itemsize());
        out.strides.push_back(a.strides(i) / dtype.itemsize());
    }
    out.owner = a;
    return out;
}

py::object dlpack_capsule(const py::object& object) {
    py::dict keywords;
    // The stream is the caller's business: it is the current one, and that is the one to be used.
    if (kOnCuda) keywords["stream"] = -1;
    try {
        return object.attr("__dlpack__")(**keywords, py::arg("max_version") = py::make_tuple(1, 0));
    } catch (py::error_already_set& error) {
        if (!error.matches(PyExc_TypeError)) throw;
    }
    return object.attr("__dlpack__")(**keywords);  // a producer older than versions
}

template <class Managed>
py::object hold(Managed* managed) {
    return py::capsule(managed, [](void* p) {
        auto* m = static_cast<Managed*>(p);
        if (m->deleter) m->deleter(m);
    });
}

constexpr const char* kNames[] = {"uint8", "uint16", "float16", "bfloat16", "float32", "float64"};

bool is_capsule(const py::object& object) { return PyCapsule_CheckExact(object.ptr()) != 0; }

// As the object itself calls its dtype.
std::string dtype_name(const py::object& object, const char* otherwise) {
    return py::hasattr(object, "dtype") ? std::string(py::str(object.attr("dtype"))) : otherwise;
}

Array from_dlpack(const char* name, const py::object& object) {
    py::object capsule = is_capsule(object) ? object : dlpack_capsule(object);
    Array out;
    out.name = name;
    const dlpack::Tensor* t = nullptr;
    if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
        auto* managed =
            static_cast<dlpack::ManagedVersioned*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
        PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
        out.owner = hold(managed);
        if (managed->version.major != 1)
            throw py::value_error(std::string(name) + " comes through DLPack " +
                                  std::to_string(managed->version.major) + "; 1 is understood");
        out.read_only = (managed->flags & dlpack::flag_read_only) != 0;
        t = &managed->tensor;
    } else if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
        auto* managed = static_cast<dlpack::Managed*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
        PyCapsule_SetName(capsule.ptr(), "used_dltensor");
        out.owner = hold(managed);
        t = &managed->tensor;
    } else {
        throw py::type_error(std::string(name) + ": __dlpack__ of " + std::string(py::str(py::type::of(object))) +
                             " gave no DLPack capsule");
    }
    if (!reads(t->device.type))
        throw py::value_error(std::string(name) + " is not on " + (kOnCuda ? "a CUDA device" : "the CPU") +
                              " (DLPack device type " + std::to_string(t->device.type) + ")");
    out.device = t->device.id;
    static constexpr char kinds[] = {'i', 'u', 'f', 'o', 'b', 'c', '?'};
    const char kind = t->dtype.code < sizeof kinds ? kinds[t->dtype.code] : 'o';
    const auto known = t->dtype.lanes == 1 ? dtype_of(kind, t->dtype.bits) : std::nullopt;
    if (!known) refuse_dtype(name, dtype_name(object, "unknown"));
    out.dtype = *known;
    out.data = static_cast<char*>(t->data) + t->byte_offset;
    if (reinterpret_cast<std::uintptr_t>(out.data) % static_cast<std::uintptr_t>(out.item_size()) != 0)
        refuse_misaligned(name, out.item_size());
    out.shape.assign(t->shape, t->shape + t->ndim);
    out.strides.resize(out.shape.size());
    std::int64_t stride = 1;
    for (std::size_t i = out.shape.size(); i-- > 0; stride *= out.shape[i])
        out.strides[i] = t->strides ? t->strides[i] : stride;
    return out;
}

}  // namespace

std::int64_t Array::item_size() const {
    static constexpr std::int64_t sizes[] = {1, 2, 2, 2, 4, 8};
    return sizes[static_cast<int>(dtype)];
}

Array array_of(const char* name, const py::object& object) {
    if (!kOnCuda && py::isinstance<py::array>(object))
        return from_numpy(name, py::reinterpret_borrow<py::array>(object));
    if (is_capsule(object) || py::hasattr(object, "__dlpack__")) return from_dlpack(name, object);
    throw py::type_error(std::string(name) + " must be an array (" + (kOnCuda ? "" : "NumPy, or ") +
                         "with __dlpack__); got " + std::string(py::str(py::type::of(object))));
}

void check_device(const Array& a, std::int32_t device_of_x) {
    if (a.device != device_of_x)
        throw py::value_error(std::string("x and ") + a.name + " must be on the same device; got devices " +
                              std::to_string(device_of_x) + " and " + std::to_string(a.device));
}

std::string repr(const std::vector<std::int64_t>& shape) {
    std::ostringstream out;
    out << '(';
    for (std::size_t i = 0; i < shape.size(); i++) out << (i ? ", " : "") << shape[i];
    out << (shape.size() == 1 ? ",)" : ")");
    return out.str();
}

Images::Images(const py::object& x, const py::object& y, std::optional<int> channel_axis, const char* x_name,
               const char* y_name)
    : x_(array_of(x_name, x)), y_(array_of(y_name, y)) {
    const std::string both = std::string(x_name) + " and " + y_name;
    if (x_.dtype != y_.dtype)
        throw py::type_error(both + " must have the same dtype; got " + dtype_name(x, kNames[int(x_.dtype)]) + " and " +
                             dtype_name(y, kNames[int(y_.dtype)]));
    if (x_.shape != y_.shape)
        throw py::value_error(both + " must have the same shape; got " + repr(x_.shape) + " and " + repr(y_.shape));
    check_device(y_, x_.device);
    const int ndim = static_cast<int>(x_.shape.size());
    const int least = channel_axis ? 3 : 2;
    if (ndim < least)
        throw py::value_error(both + " must have at least " + std::to_string(least) +
                              " axes with channel_axis=" + (channel_axis ? std::to_string(*channel_axis) : "None") +
                              "; got shape " + repr(x_.shape));
    if (channel_axis) {
        const int axis = *channel_axis < 0 ? *channel_axis + ndim : *channel_axis;
        if (axis < 0 || axis >= ndim)
            throw py::value_error("channel_axis must be from " + std::to_string(-ndim) + " to " +
                                  std::to_string(ndim - 1) + " for shape " + repr(x_.shape) + "; got " +
                                  std::to_string(*channel_axis));
        channel_axis_ = static_cast<std::size_t>(axis);
    }
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < x_.shape.size(); i++)
        if (i != channel_axis_) rest.push_back(i);
    row_axis_ = rest[rest.size() - 2];
    col_axis_ = rest[rest.size() - 1];
    for (const std::int64_t n : x_.shape)
        if (n == 0) throw py::value_error(both + " must not be empty; got shape " + repr(x_.shape));
}

void Images::add(const char* name, const py::object& object, std::int64_t height, std::int64_t width, bool written,
                 std::optional<std::int64_t> channels) {
    if (object.is_none()) {
        others_.emplace_back();
        return;
    }
    Array a = array_of(name, object);
    check_device(a, x_.device);
    std::vector<std::int64_t> shape = x_.shape;
    shape[row_axis_] = height;
    shape[col_axis_] = width;
    if (channels && channel_axis_) shape[*channel_axis_] = *channels;
    if (a.shape != shape)
        throw py::value_error(std::string(name) + " must have shape " + repr(shape) + "; got " + repr(a.shape));
    if (written && a.read_only) throw py::value_error(std::string(name) + " must be writable; got a read-only array");
    others_.emplace_back(std::move(a));
}

std::vector<std::size_t> Images::batch_axes() const {
    std::vector<std::size_t> axes;
    for (std::size_t i = 0; i < x_.shape.size(); i++)
        if (i != row_axis_ && i != col_axis_ && i != channel_axis_) axes.push_back(i);
    return axes;
}

std::vector<py::ssize_t> Images::score_shape(const std::string& reduction) const {
    std::vector<py::ssize_t> shape;
    if (reduction == "mean") return shape;
    for (const std::size_t axis : batch_axes()) shape.push_back(x_.shape[axis]);
    if (reduction == "none" && channel_axis_) shape.push_back(x_.shape[*channel_axis_]);
    return shape;
}

template <class View>
View Images::view(const Array& a, std::int64_t batch, std::int64_t batch_stride, std::int64_t offset) const {
    View v;
    v.data = a.data + offset * a.item_size();
    v.dtype = a.dtype;
    v.batch = batch;
    v.batch_stride = batch_stride;
    v.channels = channel_axis_ ? a.shape[*channel_axis_] : 1;
    v.channel_stride = channel_axis_ ? a.strides[*channel_axis_] : 0;
    v.height = a.shape[row_axis_];
    v.row_stride = a.strides[row_axis_];
    v.width = a.shape[col_axis_];
    v.column_stride = a.strides[col_axis_];
    return v;
}

std::vector<Images::Views> Images::views() const {
    const std::vector<std::size_t> axes = batch_axes();
    std::vector<const Array*> arrays = {&x_, &y_};
    for (const auto& other : others_)
        if (other) arrays.push_back(&*other);
    // The last batch axes, as far as one stride runs through them in every array. That of an axis of length one says nothing.
    std::optional<std::size_t> innermost;
    std::int64_t inner = 1, outer = 1;
    std::size_t split = axes.size();
    for (; split > 0; split--) {
        const std::size_t axis = axes[split - 1];
        if (x_.shape[axis] == 1) continue;
        const auto goes_on = [&](const Array* a) { return a->strides[axis] == inner * a->strides[*innermost]; };
        if (innermost && !std::all_of(arrays.begin(), arrays.end(), goes_on)) break;
        if (!innermost) innermost = axis;
        inner *= x_.shape[axis];
    }
    for (std::size_t i = 0; i < split; i++) outer *= x_.shape[axes[i]];
    const auto stride_of = [&](const Array& a) { return innermost ? a.strides[*innermost] : 0; };
    std::vector<Views> calls;
    for (std::int64_t i = 0; i < outer; i++) {
        const auto offset = [&](const Array& a) {
            std::int64_t at = 0, rest = i;
            for (std::size_t k = split; k-- > 0; rest /= x_.shape[axes[k]])
                at += rest % x_.shape[axes[k]] * a.strides[axes[k]];
            return at;
        };
        Views v;
        v.x = view<ImageView>(x_, inner, stride_of(x_), offset(x_));
        v.y = view<ImageView>(y_, inner, stride_of(y_), offset(y_));
        for (const auto& other : others_) {
            v.others.emplace_back();
            if (other) v.others.back() = view<OutputView>(*other, inner, stride_of(*other), offset(*other));
        }
        v.first = i * inner;
        calls.push_back(std::move(v));
    }
    return calls;
}

bool Images::has_one_batch_axis() const {
    int longer = 0;
    for (const std::size_t axis : batch_axes()) longer += x_.shape[axis] > 1;
    return longer <= 1;
}

std::optional<ImageView> Images::Views::input(std::size_t i) const {
    if (!others[i]) return std::nullopt;
    const OutputView& o = *others[i];
    return ImageView{o.data,  o.dtype,        o.batch,          o.channels,   o.height,
                     o.width, o.batch_stride, o.channel_stride, o.row_stride, o.column_stride};
}

Reduction core_reduction(const std::string& reduction) {
    if (reduction == "image" || reduction == "mean") return Reduction::image;
    if (reduction == "none") return Reduction::channels;
    throw py::value_error("reduction must be 'image', 'mean' or 'none'; got '" + reduction + "'");
}

py::object score_object(const std::vector<double>& scores, const std::vector<py::ssize_t>& shape,
                        const std::string& reduction) {
    if (reduction == "mean") {
        double sum = 0;
        for (const double score : scores) sum += score;
        return py::float_(sum / static_cast<double>(scores.size()));
    }
    if (shape.empty()) return py::float_(scores[0]);
    py::array_t<double> out(shape);
    std::copy(scores.begin(), scores.end(), out.mutable_data());
    return out;
}

}  // namespace limen::python
