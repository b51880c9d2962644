// Distances of features and their gradients.
#include <algorithm>

#include <limen/feature_distance.hpp>

#include "checkkernels_feature_vectors.h"
#include "checkkernels_memory.h"
#include "reference/reference.h"
#include "scratch.h"

namespace check {
namespace {

using limen::feature_state_size;

struct Size {
    std::int64_t channels, rows, cols;
    std::int64_t positions() const { return rows * cols; }
};

// As memory mostly is, channels first or last, no gaps, where a line of the cache begins. Or any other way, perhaps with a stride of zero.
enum class Placing { channels_first, channels_last, any, any_or_repeated };

// Numbers (channel, row, column) in exactly the memory that they take: channels first or last, with gaps, flipped or turned.
class Map {
  public:
    Map(Random& random, DType dtype, const Size& s, Placing kind)
        : dtype_(dtype), size_(s), view_(layout(random, s, kind)), memory_(bytes(), shift(random, kind)) {
        const std::int64_t item = static_cast<std::int64_t>(size_of(dtype));
        view_.data = memory_.data() - lowest() * item;
        view_.dtype = dtype;
        before_.assign(memory_.data(), memory_.data() + memory_.size());
    }

    const Features& view() const { return view_; }
    DType dtype() const { return dtype_; }
    const Size& size() const { return size_; }

    double get(std::int64_t channel, std::int64_t position) const {
        return read_number(view_.data, dtype_, at(channel, position));
    }
    void set(std::int64_t channel, std::int64_t position, double value) {
        write_element(view_.data, dtype_, at(channel, position), value);
    }
    /// Whether nothing was written beside the positions of a region.
    bool intact(const Region& region) const {
        std::vector<std::byte> now(memory_.data(), memory_.data() + memory_.size());
        const std::size_t item = size_of(dtype_);
        for (std::int64_t c = 0; c < size_.channels; c++)
            for (std::int64_t row = region.row_begin; row < region.row_end; row++)
                for (std::int64_t col = region.col_begin; col < region.col_end; col++) {
                    const auto from = static_cast<std::ptrdiff_t>(
                        static_cast<std::size_t>(at(c, row * size_.cols + col) - lowest()) * item);
                    std::copy_n(before_.begin() + from, item, now.begin() + from);
                }
        return now == before_ && memory_.intact();
    }

  private:
    static bool is_usual(Placing placing) {
        return placing == Placing::channels_first || placing == Placing::channels_last;
    }
    static Features layout(Random& random, const Size& s, Placing placing) {
        Features f = {};
        const bool plain = is_usual(placing) || random.chance(0.5);
        const auto gap = [&] { return plain ? 0 : random.between(0, 3); };
        const double kind = placing == Placing::channels_first  ? 0
                            : placing == Placing::channels_last ? 0.5
                                                                : random.uniform();
        if (kind < 0.4) {
            f.col = 1;
            f.row = s.cols + gap();
            f.channel = f.row * s.rows + gap();
        } else if (kind < 0.8) {
            f.channel = 1;
            f.col = s.channels + gap();
            f.row = s.cols * f.col + gap();
        } else {
            f.row = random.between(1, 2);
            f.channel = f.row * s.rows + gap();
            f.col = f.channel * s.channels + gap();
        }
        if (plain) return f;
        for (std::int64_t* stride : {&f.channel, &f.row, &f.col})
            if (random.chance(0.15)) *stride = -*stride;
        if (placing == Placing::any_or_repeated && random.chance(0.1)) f.row = f.col = 0;
        return f;
    }
    std::size_t shift(Random& random, Placing placing) const {
        if (is_usual(placing)) return 0;
        return static_cast<std::size_t>(random.between(0, 15)) * size_of(dtype_);
    }
    std::int64_t at(std::int64_t channel, std::int64_t position) const {
        return channel * view_.channel + position / size_.cols * view_.row + position % size_.cols * view_.col;
    }
    std::int64_t lowest() const {
        return std::min<std::int64_t>(0, view_.channel * (size_.channels - 1)) +
               std::min<std::int64_t>(0, view_.row * (size_.rows - 1)) +
               std::min<std::int64_t>(0, view_.col * (size_.cols - 1));
    }
    std::size_t bytes() const {
        const std::int64_t last = std::abs(view_.channel) * (size_.channels - 1) +
                                  std::abs(view_.row) * (size_.rows - 1) + std::abs(view_.col) * (size_.cols - 1);
        return static_cast<std::size_t>(last + 1) * size_of(dtype_);
    }

    DType dtype_;
    Size size_;
    Features view_;
    Guarded memory_;
    std::vector<std::byte> before_;
};

// Maps whose vectors are sparse, empty, alike, parallel, orthogonal, huge or tiny, now and then with a number that is not finite.
struct Pair {
    Map f0, f1;
    std::vector<double> weights;
    std::vector<float> narrow;
    bool any_scale;

    Pair(Case& c, DType dtype, const Size& size, Placing placing)
        : f0(c.random, dtype, size, placing), f1(c.random, dtype, size, placing) {
        Random& random = c.random;
        const double reach = dtype == DType::float16 ? 1 : dtype == DType::float64 ? 60 : 18;
        any_scale = c.note("any_scale", random.chance(0.3));
        const bool broken = c.note("broken", random.chance(0.05));
        const auto scale = [&] { return any_scale ? std::pow(10, random.uniform(-reach, reach)) : 1; };
        for (std::int64_t i = 0; i < size.positions(); i++) {
            const double kind = random.uniform(), of0 = scale(), of1 = kind < 0.5 ? of0 : scale();
            const double near = random.pick({1e-1, 1e-2, 1e-3, 1e-4}), ratio = random.uniform(0.2, 5);
            for (std::int64_t k = 0; k < size.channels; k++) {
                const double a = std::max(0.0, random.uniform(-1, 1)), b = std::max(0.0, random.uniform(-1, 1));
                f0.set(k, i, kind > 0.95 ? 0 : of0 * a);
                f1.set(k, i,
                       kind < 0.4    ? of1 * (a + near * b)
                       : kind < 0.6  ? of1 * ratio * (a + near * b)
                       : kind < 0.65 ? 0
                                     : of1 * b);
            }
        }
        if (broken)
            (random.chance(0.5) ? f0 : f1)
                .set(random.between(0, size.channels - 1), random.between(0, size.positions() - 1),
                     random.pick({double{NAN}, double{INFINITY}, -double{INFINITY}}));
        const bool sparse = random.chance(0.5);
        for (std::int64_t k = 0; k < size.channels; k++)
            weights.push_back(
                sparse && random.chance(0.5) ? 0 : static_cast<double>(static_cast<float>(random.uniform(0, 2))));
        for (const double w : weights) narrow.push_back(static_cast<float>(w));
    }

    FeatureVectors vectors(std::int64_t position) const {
        const auto of = [&](const Map& f) {
            std::vector<double> all;
            for (std::int64_t k = 0; k < f.size().channels; k++) all.push_back(f.get(k, position));
            return all;
        };
        return {of(f0), of(f1)};
    }

    FeatureWeights view(std::vector<double>& wide_memory, std::vector<float>& narrow_memory) const {
        wide_memory = weights;
        narrow_memory = narrow;
        wide_memory.resize(weights.size() + 16);
        narrow_memory.resize(narrow.size() + 16);
        return {wide_memory.data(), narrow_memory.data()};
    }
};

Size random_size(Case& c) {
    Random& random = c.random;
    Size s = {random.between(1, 70), random.between(1, 4), random.between(1, random.pick({40, 40, 120}))};
    if (random.chance(0.2)) s.channels = 16 * random.between(1, 4);
    else if (random.chance(0.1)) s.channels = random.between(100, 600);
    else if (random.chance(0.1)) s.cols = random.between(1000, 1100), s.channels = random.between(1, 6);
    c.note("channels", s.channels);
    c.note("rows", s.rows);
    c.note("cols", s.cols);
    return s;
}

Region random_region(Case& c, const Size& s) {
    if (c.random.chance(0.6)) return {0, s.rows, 0, s.cols};
    const std::int64_t row = c.random.between(0, s.rows - 1), col = c.random.between(0, s.cols - 1);
    return {row, c.random.between(row + 1, s.rows), col, c.random.between(col + 1, s.cols)};
}

DType random_dtype(Case& c) {
    const DType dtype =
        c.random.pick({DType::float16, DType::bfloat16, DType::float32, DType::float32, DType::float64});
    c.note("dtype", static_cast<int>(dtype));
    return dtype;
}

template <class Use>
void each_position(const Region& r, std::int64_t cols, const Use& use) {
    for (std::int64_t row = r.row_begin; row < r.row_end; row++)
        for (std::int64_t col = r.col_begin; col < r.col_end; col++) use(row * cols + col);
}

std::string at(const char* what, std::int64_t position, std::int64_t channel) {
    return what + (" at position " + std::to_string(position)) + ", channel " + std::to_string(channel);
}

}  // namespace

void check_feature_distance(Case& c) {
    const Size size = random_size(c), one = {1, size.rows, size.cols},
               numbers = {feature_state_size, size.rows, size.cols};
    const DType dtype = random_dtype(c);
    const Pair pair(c, dtype, size, Placing::any_or_repeated);
    const Region region = random_region(c, size);
    std::vector<double> wide;
    std::vector<float> narrow;
    FeatureTask task = {};
    task.f0 = pair.f0.view();
    task.f1 = pair.f1.view();
    task.channels = size.channels;
    task.positions = region;
    task.weights = pair.view(wide, narrow);
    double sum;
    Map right(c.random, DType::float64, one, Placing::any);
    task.sum = &sum;
    task.map = right.view();
    reference_feature_distance(task);

    c.each_variant(dtype, [&](const Variant& variant) {
        if (variant.wide() != (dtype == DType::float64)) return;  // chosen by the dtype
        const Guarded scratch(static_cast<std::size_t>(feature_distance_bytes()));
        const Map map(c.random, c.random.pick({DType::float32, DType::float64}), one, Placing::any);
        const Map state(c.random, variant.number, numbers, Placing::any);
        double got = -1;
        task.sum = &got;
        task.map = c.random.chance(0.7) ? map.view() : Features{};
        task.state = c.random.chance(0.7) ? state.view() : Features{};
        task.scratch = scratch.data();
        variant.kernels->feature_distance(task);
        c.expect(scratch.intact(), "scratch memory: something was written outside");
        c.expect(map.intact(region), "map: something was written outside");
        c.expect(state.intact(region), "state: something was written outside");
        double total = 0;
        each_position(region, size.cols, [&](std::int64_t i) {
            const double tolerance = pair.vectors(i).distance_tolerance(pair.weights, variant.wide());
            total += tolerance;
            if (task.map.data)
                c.compare(at("map", i, 0), map.get(0, i), right.get(0, i),
                          tolerance + last_place(map.dtype(), right.get(0, i)) + kNothing);
        });
        c.compare("sum", got, sum, total + static_cast<double>(size.positions()) * (0x1p-53 * sum + kNothing));
    });
}

void check_feature_gradient(Case& c) {
    const Size size = random_size(c), one = {1, size.rows, size.cols},
               numbers = {feature_state_size, size.rows, size.cols};
    const DType dtype = random_dtype(c);
    const bool usual = c.note("usual", c.random.chance(0.4));
    const Placing any = !usual ? Placing::any : c.random.chance(.5) ? Placing::channels_first : Placing::channels_last;
    const Pair pair(c, dtype, size, usual ? any : Placing::any_or_repeated);
    const Region region = random_region(c, size);
    Map upstream(c.random, dtype == DType::float64 ? DType::float64 : DType::float32, one, Placing::any_or_repeated);
    for (std::int64_t i = 0; i < size.positions(); i++) upstream.set(0, i, c.random.uniform(-1, 1));
    DType out = c.random.pick({dtype, dtype, DType::float32, DType::float64, DType::float16, DType::bfloat16});
    if (pair.any_scale && out == DType::float16) out = DType::float32;  // float16 doesn't hold every gradient
    std::vector<double> wide;
    std::vector<float> narrow;
    FeatureGradientTask task = {};
    task.f0 = pair.f0.view();
    task.f1 = pair.f1.view();
    task.channels = size.channels;
    task.positions = region;
    task.weights = pair.view(wide, narrow);
    task.upstream = upstream.view();
    Map right0(c.random, DType::float64, size, Placing::any), right1(c.random, DType::float64, size, Placing::any);
    std::vector<double> right_sums(static_cast<std::size_t>(size.channels));
    task.grad0 = right0.view();
    task.grad1 = right1.view();
    task.weight_sums = right_sums.data();
    reference_feature_gradient(task);

    c.each_variant(dtype, [&](const Variant& variant) {
        if (variant.wide() != (dtype == DType::float64)) return;
        const Map state(c.random, variant.number, numbers, Placing::any);
        FeatureTask forward = {};
        double sum;
        forward.f0 = task.f0;
        forward.f1 = task.f1;
        forward.channels = size.channels;
        forward.positions = region;
        forward.weights = task.weights;
        forward.sum = &sum;
        forward.state = state.view();
        reference_feature_distance(forward);

        const Guarded scratch(static_cast<std::size_t>(feature_gradient_bytes(size.channels)));
        const Guarded sums(static_cast<std::size_t>(size.channels) * sizeof(double));
        const Map grad0(c.random, out, size, any), grad1(c.random, out, size, any);
        const double which = c.random.uniform();
        task.state = state.view();
        task.grad0 = which < 0.8 ? grad0.view() : Features{};
        task.grad1 = which > 0.2 ? grad1.view() : Features{};
        task.past_cache = c.random.chance(0.5);
        task.weight_sums = c.random.chance(0.6) ? reinterpret_cast<double*>(sums.data()) : nullptr;
        task.scratch = scratch.data();
        variant.kernels->feature_gradient(task);
        FeatureGradientTask again = task;
        const Map again0(c.random, out, size, any), again1(c.random, out, size, any);
        again.grad0 = task.grad0.data ? again0.view() : Features{};
        again.grad1 = task.grad1.data ? again1.view() : Features{};
        again.weight_sums = nullptr;
        again.past_cache = !task.past_cache;
        variant.kernels->feature_gradient(again);
        c.expect(scratch.intact(), "scratch memory: something was written outside");
        c.expect(sums.intact(), "sums: something was written outside");
        c.expect(grad0.intact(region) && grad1.intact(region), "gradients: something was written outside");
        const double roundings = variant.roundoff() * growth(size.channels);
        std::vector<double> allowed(right_sums.size());
        each_position(region, size.cols, [&](std::int64_t i) {
            const FeatureVectors::Scales scales = pair.vectors(i).gradient_scales(pair.weights);
            const double factor = std::fabs(upstream.get(0, i));
            for (std::size_t k = 0; k < allowed.size(); k++) allowed[k] += roundings * factor * scales.weight[k];
            for (int j = 0; j < 2; j++) {
                if (!(j == 0 ? task.grad0 : task.grad1).data) continue;
                for (std::size_t k = 0; k < allowed.size(); k++) {
                    const auto channel = static_cast<std::int64_t>(k);
                    const double expected = (j == 0 ? right0 : right1).get(channel, i);
                    const double got = (j == 0 ? grad0 : grad1).get(channel, i);
                    const double repeated = (j == 0 ? again0 : again1).get(channel, i);
                    c.expect(got == repeated || (std::isnan(got) && std::isnan(repeated)),
                             "gradients depend on where and how they are written");
                    if (out == DType::float16 && std::fabs(expected) > 65504) continue;  // it doesn't hold that
                    c.compare(at(j == 0 ? "gradient of f0" : "gradient of f1", i, channel), got, expected,
                              roundings * factor * scales.of[j][k] + last_place(out, expected) + 1e-37);
                }
            }
        });
        for (std::size_t k = 0; task.weight_sums && k < allowed.size(); k++)
            c.compare("weight of channel " + std::to_string(k), task.weight_sums[k], right_sums[k], allowed[k] + 1e-30);
    });
}

}  // namespace check
