#include "calls.hpp"

namespace limen::python {

std::optional<Array> array_or_none(const char* name, const py::object& object) {
    if (object.is_none()) return std::nullopt;
    return array_of(name, object);
}

Row::Row(const char* name, std::optional<Array> array, std::int64_t count, const Images& images, bool written)
    : array_(std::move(array)) {
    if (!array_) return;
    check_device(*array_, images.device());
    std::int64_t stride = 1, numbers = 1;
    bool side_by_side = true;
    for (std::size_t i = array_->shape.size(); i-- > 0; stride *= array_->shape[i]) {
        numbers *= array_->shape[i];
        side_by_side &= array_->shape[i] == 1 || array_->strides[i] == stride;
    }
    if (numbers != count)
        throw py::value_error(std::string(name) + " must have " + std::to_string(count) + " numbers; got shape " +
                              repr(array_->shape));
    if (!side_by_side) throw py::value_error(std::string(name) + " must be contiguous");
    if (written && array_->read_only)
        throw py::value_error(std::string(name) + " must be writable; got a read-only array");
}

std::optional<cuda::Scores> Row::scores(std::int64_t first) const {
    if (!array_) return std::nullopt;
    return cuda::Scores{array_->data + first * array_->item_size(), array_->dtype};
}

std::optional<cuda::Upstream> Row::upstream(std::int64_t first) const {
    if (!array_) return std::nullopt;
    return cuda::Upstream{array_->data + first * array_->item_size(), array_->dtype};
}

namespace {

// Of working memory, and of what is kept; not every allocator gives the first.
constexpr std::uintptr_t alignment = 256, state_alignment = 64;

char* aligned(char* data) {
    return data + (alignment - reinterpret_cast<std::uintptr_t>(data) % alignment) % alignment;
}

}  // namespace

State::State(const py::object& object, const Images& images, std::size_t needed)
    : array_(array_or_none("state", object)) {
    if (!array_) return;
    check_device(*array_, images.device());
    if (array_->dtype != DType::uint8 || array_->shape.size() != 1 || (array_->shape[0] > 1 && array_->strides[0] != 1))
        throw py::value_error("state must be contiguous uint8 with one axis; got shape " + repr(array_->shape));
    // Not moved to where it is aligned: what one function left must be where the other one looks, at another address, too.
    if (reinterpret_cast<std::uintptr_t>(array_->data) % state_alignment != 0)
        throw py::value_error("state must be aligned to " + std::to_string(state_alignment) + " bytes");
    const auto size = static_cast<std::size_t>(array_->shape[0]);
    usable_ = images.has_one_batch_axis() && size >= needed;
    if (usable_) memory_ = {array_->data, size};
}

Workspace::Workspace(const py::object& allocate, std::size_t bytes) {
    if (bytes == 0) return;
    array_ = array_of("workspace", allocate(bytes + alignment - 1));
    workspace_ = {aligned(array_->data), bytes};
}

}  // namespace limen::python
