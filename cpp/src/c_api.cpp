// The C interface: plain structs to the C++ ones, exceptions to a status and a message.
#include <limen/limen.h>
#include <limen/limen.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace limen;

static_assert(LIMEN_MAX_SCALES == Convention::max_scales);
static_assert(LIMEN_FEATURE_STATE_SIZE == feature_state_size);

thread_local std::string last_error;

template <class Call>
limen_status guarded(const Call& call) {
    try {
        call();
        return LIMEN_OK;
    } catch (const std::invalid_argument& error) {
        last_error = error.what();
        return LIMEN_INVALID_ARGUMENT;
    } catch (const std::bad_alloc&) {
        last_error = "out of memory";
        return LIMEN_OUT_OF_MEMORY;
    } catch (const std::exception& error) {
        last_error = error.what();
        return LIMEN_ERROR;
    }
}

/// The choice of number `value`, of which `last` is the highest.
template <class Enum>
Enum choice(const char* name, std::int32_t value, Enum last) {
    if (value < 0 || value > static_cast<std::int32_t>(last))
        throw std::invalid_argument(std::string(name) + " must be from 0 to " + std::to_string(static_cast<int>(last)) +
                                    "; got " + std::to_string(value));
    return static_cast<Enum>(value);
}

template <class Pointer>
const Pointer& required(const char* name, const Pointer* pointer) {
    if (!pointer) throw std::invalid_argument(std::string(name) + " is a null pointer");
    return *pointer;
}

template <class View, class CView>
View view_of(const char* name, const CView* v) {
    required(name, v);
    const DType dtype = choice((std::string(name) + ".dtype").c_str(), v->dtype, DType::float64);
    return {v->data,  dtype,           v->batch,          v->channels,   v->height,
            v->width, v->batch_stride, v->channel_stride, v->row_stride, v->column_stride};
}

/// Holds a view that may be none.
template <class View>
struct Optional {
    std::optional<View> view;

    template <class CView>
    Optional(const char* name, const CView* v) {
        if (v) view = view_of<View>(name, v);
    }
    const View* get() const { return view ? &*view : nullptr; }
};

Convention convention_of(const limen_convention* from) {
    Convention c;
    if (!from) return c;
    c.window = choice("convention.window", from->window, WindowShape::uniform);
    c.size = from->size;
    c.sigma = from->sigma;
    c.k1 = from->k1;
    c.k2 = from->k2;
    c.padding = choice("convention.padding", from->padding, Padding::replicate);
    c.covariance = choice("convention.covariance", from->covariance, Covariance::sample);
    c.epsilon = from->epsilon;
    c.auto_downsample = from->auto_downsample != 0;
    c.downsample = choice("convention.downsample", from->downsample, Downsample::none);
    c.negative = choice("convention.negative", from->negative, Negative::is_signed);
    c.channels = choice("convention.channels", from->channels, Channels::joint);
    c.crop_contrast = from->crop_contrast != 0;
    c.scales = from->scales;
    std::copy_n(from->weights, Convention::max_scales, c.weights.begin());
    return c;
}

Reduction reduction_of(std::int32_t reduction) { return choice("reduction", reduction, Reduction::channels); }

limen_image image_of(const ImageView& v) {
    return {v.data,         static_cast<std::int32_t>(v.dtype),
            v.batch,        v.channels,
            v.height,       v.width,
            v.batch_stride, v.channel_stride,
            v.row_stride,   v.column_stride};
}

/// Runs `call(x, y, reduction)` on what every metric takes.
template <class Call>
limen_status metric(const limen_image* x, const limen_image* y, std::int32_t reduction, const double* scores,
                    const Call& call) {
    return guarded([&] {
        const auto first = view_of<ImageView>("x", x), second = view_of<ImageView>("y", y);
        const Reduction reduced = reduction_of(reduction);
        required("scores", scores);
        call(first, second, reduced);
    });
}

}  // namespace

limen_convention limen_default_convention(void) {
    const Convention c;
    limen_convention out = {};
    out.window = static_cast<std::int32_t>(c.window);
    out.size = c.size;
    out.sigma = c.sigma;
    out.k1 = c.k1;
    out.k2 = c.k2;
    out.padding = static_cast<std::int32_t>(c.padding);
    out.covariance = static_cast<std::int32_t>(c.covariance);
    out.epsilon = c.epsilon;
    out.auto_downsample = c.auto_downsample;
    out.downsample = static_cast<std::int32_t>(c.downsample);
    out.negative = static_cast<std::int32_t>(c.negative);
    out.channels = static_cast<std::int32_t>(c.channels);
    out.crop_contrast = c.crop_contrast;
    out.scales = c.scales;
    std::copy(c.weights.begin(), c.weights.end(), out.weights);
    return out;
}

limen_image limen_planar(const void* data, int32_t dtype, int64_t height, int64_t width, int64_t channels,
                         int64_t batch) {
    limen_image image = image_of(ImageView::planar(data, DType::uint8, height, width, channels, batch));
    image.dtype = dtype;
    return image;
}

limen_image limen_interleaved(const void* data, int32_t dtype, int64_t height, int64_t width, int64_t channels,
                              int64_t batch) {
    limen_image image = image_of(ImageView::interleaved(data, DType::uint8, height, width, channels, batch));
    image.dtype = dtype;
    return image;
}

limen_status limen_ssim(const limen_image* x, const limen_image* y, double data_range,
                        const limen_convention* convention, int32_t reduction, double* scores,
                        const limen_output* map) {
    return metric(x, y, reduction, scores, [&](const ImageView& a, const ImageView& b, Reduction r) {
        const Optional<OutputView> filled("map", map);
        ssim(a, b, data_range, convention_of(convention), r, scores, filled.get());
    });
}

limen_status limen_ssim_gradient(const limen_image* x, const limen_image* y, double data_range,
                                 const limen_convention* convention, int32_t reduction, double* scores,
                                 const limen_output* grad_x, const limen_output* grad_y, const limen_image* weights,
                                 double factor) {
    return metric(x, y, reduction, scores, [&](const ImageView& a, const ImageView& b, Reduction r) {
        const Optional<OutputView> gx("grad_x", grad_x), gy("grad_y", grad_y);
        const Optional<ImageView> w("weights", weights);
        ssim_gradient(a, b, data_range, convention_of(convention), r, scores, gx.get(), gy.get(), w.get(), factor);
    });
}

limen_status limen_ms_ssim(const limen_image* x, const limen_image* y, double data_range,
                           const limen_convention* convention, int32_t reduction, double* scores, double* scales) {
    return metric(x, y, reduction, scores, [&](const ImageView& a, const ImageView& b, Reduction r) {
        ms_ssim(a, b, data_range, convention_of(convention), r, scores, scales);
    });
}

limen_status limen_ms_ssim_gradient(const limen_image* x, const limen_image* y, double data_range,
                                    const limen_convention* convention, int32_t reduction, double* scores,
                                    const limen_output* grad_x, const limen_output* grad_y, double factor) {
    return metric(x, y, reduction, scores, [&](const ImageView& a, const ImageView& b, Reduction r) {
        const Optional<OutputView> gx("grad_x", grad_x), gy("grad_y", grad_y);
        ms_ssim_gradient(a, b, data_range, convention_of(convention), r, scores, gx.get(), gy.get(), factor);
    });
}

limen_status limen_mse(const limen_image* x, const limen_image* y, int32_t reduction, double* scores) {
    return metric(x, y, reduction, scores,
                  [&](const ImageView& a, const ImageView& b, Reduction r) { mse(a, b, r, scores); });
}

limen_status limen_mae(const limen_image* x, const limen_image* y, int32_t reduction, double* scores) {
    return metric(x, y, reduction, scores,
                  [&](const ImageView& a, const ImageView& b, Reduction r) { mae(a, b, r, scores); });
}

limen_status limen_psnr(const limen_image* x, const limen_image* y, double data_range, int32_t reduction,
                        double* scores) {
    return metric(x, y, reduction, scores,
                  [&](const ImageView& a, const ImageView& b, Reduction r) { psnr(a, b, data_range, r, scores); });
}

limen_status limen_feature_distance(const limen_image* f0, const limen_image* f1, const double* weight, double* scores,
                                    const limen_output* map, const limen_output* state) {
    return guarded([&] {
        const auto a = view_of<ImageView>("f0", f0), b = view_of<ImageView>("f1", f1);
        required("scores", scores);
        const Optional<OutputView> filled("map", map), kept("state", state);
        feature_distance(a, b, weight, scores, filled.get(), kept.get());
    });
}

limen_status limen_feature_distance_gradient(const limen_image* f0, const limen_image* f1, const double* weight,
                                             const limen_image* state, const limen_image* upstream,
                                             const limen_output* grad_f0, const limen_output* grad_f1,
                                             double* grad_weight) {
    return guarded([&] {
        const auto a = view_of<ImageView>("f0", f0), b = view_of<ImageView>("f1", f1);
        const auto kept = view_of<ImageView>("state", state), factors = view_of<ImageView>("upstream", upstream);
        const Optional<OutputView> g0("grad_f0", grad_f0), g1("grad_f1", grad_f1);
        feature_distance_gradient(a, b, weight, kept, factors, g0.get(), g1.get(), grad_weight);
    });
}

limen_status limen_map_size(const limen_convention* convention, int64_t height, int64_t width, int64_t* map_height,
                            int64_t* map_width) {
    return guarded([&] {
        required("map_height", map_height);
        required("map_width", map_width);
        const auto size = convention_of(convention).map_size(height, width);
        *map_height = size[0];
        *map_width = size[1];
    });
}

limen_status limen_set_implementation(const char* name) {
    return guarded([&] {
        required("name", name);
        set_implementation(name);
    });
}

limen_status limen_set_num_threads(int32_t count) {
    return guarded([&] { set_num_threads(count); });
}

int32_t limen_num_threads(void) { return num_threads(); }

const char* limen_last_error(void) { return last_error.c_str(); }

const char* limen_version(void) { return version(); }
