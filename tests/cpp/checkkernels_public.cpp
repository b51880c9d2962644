// The public functions: how they cut images into tasks, put scales together and use threads.
#include <array>
#include <limen/limen.hpp>
#include <stdexcept>

#include "checkkernels_memory.h"

namespace check {
namespace {

using limen::Convention;
using limen::ImageView;
using limen::OutputView;

struct Shape {
    std::int64_t batch, channels, height, width;
};

// A batch in exactly the memory that it takes: channels first or last, and unless `plain` with gaps between rows, or flipped.
template <class View>
class Batch {
  public:
    Batch(Random& random, DType dtype, const Shape& s, bool channels_last, bool plain)
        : view(view_of(dtype, s, channels_last, plain ? 0 : random.between(0, 3))), memory_(bytes()) {
        std::int64_t first = 0;
        const auto flip = [&](std::int64_t& stride, std::int64_t n) {
            if (plain || !random.chance(0.2)) return;
            first += (n - 1) * stride;
            stride = -stride;
        };
        flip(view.row_stride, s.height);
        flip(view.column_stride, s.width);
        view.data = memory_.data() + first * static_cast<std::int64_t>(size_of(dtype));
    }

    template <class Use>
    void each(const Use& use) const {
        for (std::int64_t b = 0; b < view.batch; b++)
            for (std::int64_t c = 0; c < view.channels; c++)
                for (std::int64_t i = 0; i < view.height; i++)
                    for (std::int64_t j = 0; j < view.width; j++)
                        use(b * view.batch_stride + c * view.channel_stride + i * view.row_stride +
                            j * view.column_stride);
    }
    void clear() const { std::memset(memory_.data(), 0xff, memory_.size()); }
    bool intact() const { return memory_.intact(); }

    View view;

  private:
    static View view_of(DType dtype, const Shape& s, bool channels_last, std::int64_t gap) {
        const std::int64_t column = channels_last ? s.channels : 1, row = s.width * column + gap,
                           planes = channels_last ? 1 : s.channels;
        return {nullptr,
                dtype,
                s.batch,
                s.channels,
                s.height,
                s.width,
                planes * s.height * row,
                channels_last ? 1 : s.height * row,
                row,
                column};
    }
    std::size_t bytes() const {
        const std::int64_t last = (view.batch - 1) * view.batch_stride + (view.channels - 1) * view.channel_stride +
                                  (view.height - 1) * view.row_stride + (view.width - 1) * view.column_stride;
        return static_cast<std::size_t>(last + 1) * size_of(view.dtype);
    }

    Guarded memory_;
};

void fill(Random& random, const Batch<ImageView>& x, const Batch<ImageView>& y, double range) {
    const auto put = [](const ImageView& v, std::int64_t at, double value) {
        write_element(const_cast<void*>(v.data), v.dtype, at, value);
    };
    std::vector<double> values;
    x.each([&](std::int64_t at) {
        values.push_back(range * random.uniform());
        put(x.view, at, values.back());
    });
    std::size_t i = 0;
    y.each([&](std::int64_t at) { put(y.view, at, 0.7 * values[i++] + 0.3 * range * random.uniform()); });
}

// What a call gives: scores, then the numbers of maps or gradients.
struct Results {
    std::vector<double> scores, outputs;
};

// Sides about the edges of tiles, or small.
Shape random_shape(Case& c, bool many_scales) {
    Random& random = c.random;
    Shape s = {random.between(1, 2), random.pick<std::int64_t>({1, 2, 3, 3, 4, 5}), random.between(16, 60),
               random.between(16, 60)};
    if (random.chance(0.3)) (random.chance(0.5) ? s.height : s.width) = random.between(100, 850);
    if (s.height * s.width > 10'000) s.batch = s.channels = 1;
    if (many_scales) s = {1, 1, random.between(650, 750), random.between(340, 400)};
    c.note("batch", s.batch);
    c.note("channels", s.channels);
    c.note("height", s.height);
    c.note("width", s.width);
    return s;
}

Convention random_convention(Case& c, bool many_scales) {
    Random& random = c.random;
    Convention convention;
    convention.size = c.note("size", random.pick({11, 11, 11, 7, 9}));
    convention.window = random.chance(0.7) ? limen::WindowShape::gaussian : limen::WindowShape::uniform;
    convention.padding = static_cast<limen::Padding>(c.note("padding", random.between(many_scales ? 1 : 0, 4)));
    convention.covariance = random.chance(0.3) ? limen::Covariance::sample : limen::Covariance::population;
    convention.downsample = static_cast<limen::Downsample>(c.note("downsample", random.between(0, 3)));
    convention.channels = random.chance(0.3) ? limen::Channels::joint : limen::Channels::separate;
    convention.negative = random.chance(0.3) ? limen::Negative::is_signed : limen::Negative::clamp;
    convention.crop_contrast = c.note("crop_contrast", !many_scales && random.chance(0.2));
    convention.auto_downsample = c.note("auto_downsample", random.chance(0.1));
    convention.scales = c.note("scales", static_cast<int>(many_scales ? random.between(6, 8) : random.between(1, 3)));
    convention.weights.fill(1.0 / convention.scales);
    return convention;
}

// A layer with weights and one without. Scores of both, then the gradients of their weights; the features' gradients, where they are
// wanted, are the first layer's.
void call_features(const ImageView& f0, const ImageView& f1, double* scores, const OutputView* grad_f0,
                   const OutputView* grad_f1) {
    std::vector<double> weights;
    for (std::int64_t k = 0; k < f0.channels; k++) weights.push_back(0.25 * static_cast<double>(k % 5));
    const DType number = f0.dtype == DType::float64 ? DType::float64 : DType::float32;
    const auto numbers = static_cast<std::size_t>(f0.batch * limen::feature_state_size * f0.height * f0.width);
    std::vector<double> memory[2] = {std::vector<double>(numbers), std::vector<double>(numbers)};
    const auto state_in = [&]<class View>(View, int layer) {
        return View::planar(memory[layer].data(), number, f0.height, f0.width, limen::feature_state_size, f0.batch);
    };
    const OutputView filled[2] = {state_in(OutputView(), 0), state_in(OutputView(), 1)};
    limen::feature_distances(
        std::array<limen::FeatureLayer, 2>{{{f0, f1, weights.data(), scores, nullptr, &filled[0]},
                                            {f1, f0, nullptr, scores + f0.batch, nullptr, &filled[1]}}});
    scores += 2 * f0.batch;
    const double factor = 1 / static_cast<double>(f0.height * f0.width);
    const ImageView upstream = {&factor, DType::float64, f0.batch, 1, f0.height, f0.width, 0, 0, 0, 0};
    limen::feature_distance_gradients(std::array<limen::FeatureGradientLayer, 2>{
        {{f0, f1, weights.data(), state_in(ImageView(), 0), upstream, grad_f0, grad_f1, scores},
         {f1, f0, nullptr, state_in(ImageView(), 1), upstream, nullptr, nullptr, scores + f0.channels}}});
}

}  // namespace

void check_public(Case& c) {
    Random& random = c.random;
    static const char* const names[] = {"ssim",   "ssim_gradient",   "ms_ssim", "ms_ssim_gradient",
                                        "errors", "feature_distance"};
    const int operation = c.index % 6;
    c.note("operation", names[operation]);
    // Tiles of MS-SSIM get shorter than a strip at the sixth scale.
    const bool many_scales = operation == 2 && c.index % 60 == 2;
    const Shape shape = random_shape(c, many_scales);
    const Convention convention = random_convention(c, many_scales);
    const DType dtype = operation == 5 ? random.pick({DType::float16, DType::bfloat16, DType::float32, DType::float64})
                                       : random.pick({DType::uint8, DType::uint16, DType::float16, DType::bfloat16,
                                                      DType::float32, DType::float64});
    c.note("dtype", static_cast<int>(dtype));
    const double range = dtype == DType::uint8 ? 255 : dtype == DType::uint16 ? 65535 : 1;
    const limen::Reduction reduction = random.chance(0.5) ? limen::Reduction::image : limen::Reduction::channels;
    const bool channels_last = random.chance(0.5), plain = random.chance(0.4);
    const Batch<ImageView> x(random, dtype, shape, channels_last, plain), y(random, dtype, shape, channels_last, plain);
    fill(random, x, y, range);

    const auto [map_rows, map_cols] = convention.map_size(shape.height, shape.width);
    const Shape map_shape = {shape.batch, shape.channels, std::max<std::int64_t>(map_rows, 1),
                             std::max<std::int64_t>(map_cols, 1)};
    const bool wants_x = random.chance(0.7), wants_y = !wants_x || random.chance(0.5), weighted = random.chance(0.3);
    const DType out_dtype = operation == 0
                                ? random.pick({DType::float32, DType::float64})
                                : random.pick({DType::float32, DType::float64, DType::float16, DType::bfloat16});
    const Shape& out_shape = operation == 0 ? map_shape : shape;
    const Batch<OutputView> first(random, out_dtype, out_shape, channels_last, plain),
        second(random, out_dtype, out_shape, channels_last, plain);
    const Batch<ImageView> weights(random, dtype == DType::float64 ? DType::float64 : DType::float32, map_shape,
                                   channels_last, plain);
    fill(random, weights, weights, 1);

    const auto call = [&](const std::string& implementation, int threads) {
        limen::set_implementation(implementation);
        limen::set_num_threads(threads);
        first.clear();
        second.clear();
        Results results;
        results.scores.resize(static_cast<std::size_t>(shape.batch * shape.channels * 10));
        double* scores = results.scores.data();
        const OutputView* const to_x = wants_x ? &first.view : nullptr;
        const OutputView* const to_y = wants_y ? &second.view : nullptr;
        switch (operation) {
            case 0: limen::ssim(x.view, y.view, range, convention, reduction, scores, &first.view); break;
            case 1:
                limen::ssim_gradient(x.view, y.view, range, convention, reduction, scores, to_x, to_y,
                                     weighted ? &weights.view : nullptr);
                break;
            case 2:
                limen::ms_ssim(x.view, y.view, range, convention, reduction, scores,
                               scores + shape.batch * shape.channels);
                break;
            case 3: limen::ms_ssim_gradient(x.view, y.view, range, convention, reduction, scores, to_x, to_y); break;
            case 5: call_features(x.view, y.view, scores, to_x, to_y); break;
            default:
                limen::mse(x.view, y.view, reduction, scores);
                limen::mae(x.view, y.view, reduction, scores + shape.batch * shape.channels);
                limen::psnr(x.view, y.view, range, reduction, scores + 2 * shape.batch * shape.channels);
        }
        const auto collect = [&](const Batch<OutputView>& out) {
            out.each(
                [&](std::int64_t at) { results.outputs.push_back(read_number(out.view.data, out.view.dtype, at)); });
        };
        const bool gradients = operation == 1 || operation == 3 || operation == 5;
        if (operation == 0 || (gradients && wants_x)) collect(first);
        if (gradients && wants_y) collect(second);
        return results;
    };
    Results expected;
    try {
        expected = call("reference", 1);
    } catch (const std::invalid_argument&) {
        return;  // too small an image for this convention
    }
    double peak = 0;
    for (const double v : expected.outputs) peak = std::max(peak, std::fabs(v));

    c.each_variant(dtype, [&](const Variant& variant) {
        if (variant.wide() != (dtype == DType::float64)) return;  // chosen by the dtype
        const Results got = call(variant.implementation, 1), threaded = call(variant.implementation, 3);
        c.expect(got.scores == threaded.scores && got.outputs == threaded.outputs,
                 "the number of threads changes results");
        c.expect(first.intact() && second.intact(), "outputs: something was written outside");
        // Noise conditions SSIM well; the borders add to a pixel as often as half a window is large.
        const double roundings = variant.roundoff() * 100;
        for (std::size_t i = 0; i < expected.scores.size(); i++)
            c.compare("score " + std::to_string(i), got.scores[i], expected.scores[i],
                      roundings * (1 + std::fabs(expected.scores[i])));
        const double tolerance = 10 * roundings * peak + 36 * last_place(out_dtype, peak);
        for (std::size_t i = 0; i < expected.outputs.size(); i++)
            c.compare("output " + std::to_string(i), got.outputs[i], expected.outputs[i], tolerance);
    });
    limen::set_implementation("auto");
}

}  // namespace check
