// What a call of the CUDA core takes beside images.
#pragma once

#include "../arrays.hpp"

#include <limen/cuda.hpp>

namespace limen::python {

std::optional<Array> array_or_none(const char* name, const py::object& object);

/// Scores, or one factor for each of them: numbers side by side on the images' device, or none.
class Row {
  public:
    Row(const char* name, std::optional<Array> array, std::int64_t count, const Images& images, bool written);
    Row(const char* name, const py::object& object, std::int64_t count, const Images& images, bool written)
        : Row(name, array_or_none(name, object), count, images, written) {}

    /// From number `first` on.
    std::optional<cuda::Scores> scores(std::int64_t first) const;
    std::optional<cuda::Upstream> upstream(std::int64_t first) const;

  private:
    std::optional<Array> array_;
};

/// Working memory from the caller, whose `allocate(bytes)` gives an array on the device. It is let go once the work that needs it is on
/// the stream, in whose order the caller's allocator hands it out again.
class Workspace {
  public:
    Workspace(const py::object& allocate, std::size_t bytes);

    const cuda::Workspace& get() const { return workspace_; }

  private:
    std::optional<Array> array_;
    cuda::Workspace workspace_;
};

/// Memory of the caller that one function leaves something in for another; or none.
class State {
  public:
    /// None, too, if it is too small, or for images of several batch axes, which may take several calls of the core: both functions see
    /// the same shape, but not the same strides.
    State(const py::object& object, const Images& images, std::size_t needed);

    const cuda::Workspace* get() const { return usable_ ? &memory_ : nullptr; }

  private:
    std::optional<Array> array_;
    cuda::Workspace memory_;
    bool usable_ = false;
};

inline void* stream_of(std::uintptr_t handle) { return reinterpret_cast<void*>(handle); }

/// Scores of an image, and of the whole batch.
inline std::int64_t scores_each(Reduction reduction, const Images::Views& call) {
    return reduction == Reduction::image ? 1 : call.x.channels;
}
inline std::int64_t scores_of(Reduction reduction, const std::vector<Images::Views>& calls) {
    return scores_each(reduction, calls[0]) * calls[0].x.batch * static_cast<std::int64_t>(calls.size());
}

/// The address of what there may be.
template <class T>
const T* pointer(const std::optional<T>& value) {
    return value ? &*value : nullptr;
}

}  // namespace limen::python
