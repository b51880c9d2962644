#include "../../math/feature_distance_math.h"
#include "../numbers.h"
#include "reference.h"

#include <cmath>
#include <limits>

namespace limen::detail {
namespace {

double read(const Features& f, std::int64_t row, std::int64_t col, std::int64_t channel) {
    return read_number(f.data, f.dtype, row * f.row + col * f.col + channel * f.channel);
}

void write(const Features& f, std::int64_t row, std::int64_t col, std::int64_t channel, double value) {
    if (f.data) write_number(f.data, f.dtype, row * f.row + col * f.col + channel * f.channel, value);
}

double length(const Features& f, std::int64_t channels, std::int64_t row, std::int64_t col) {
    double squares = 0;
    for (std::int64_t c = 0; c < channels; c++) squares += read(f, row, col, c) * read(f, row, col, c);
    return std::sqrt(squares);
}

// One feature vector of a position: f, and the factor that normalises it. Zeros stay zeros; one infinite number spoils all.
struct Vector {
    const Features& f;
    std::int64_t row, col;
    double length, inverse;

    Vector(const Features& features, std::int64_t channels, std::int64_t row_, std::int64_t col_)
        : f(features),
          row(row_),
          col(col_),
          length(limen::detail::length(features, channels, row_, col_)),
          inverse(length == 0          ? 0
                  : std::isinf(length) ? std::numeric_limits<double>::quiet_NaN()
                                       : 1 / (length + kFeatureEpsilon)) {}

    double operator[](std::int64_t c) const { return read(f, row, col, c); }
    double normalised(std::int64_t c) const { return inverse * (*this)[c]; }
};

// sum w u f / (|f| (|f| + epsilon)), which the derivative of |f| brings in.
double along(const Vector& f, const Vector& f0, const Vector& f1, const double* weights, std::int64_t channels) {
    double sum = 0;
    for (std::int64_t c = 0; c < channels; c++)
        sum += weights[c] * (f0.normalised(c) - f1.normalised(c)) * f.normalised(c);
    return f.length == 0 ? 0 : sum / f.length;
}

template <class Task, class Use>
void each_position(const Task& t, const Use& use) {
    for (std::int64_t row = t.positions.row_begin; row < t.positions.row_end; row++)
        for (std::int64_t col = t.positions.col_begin; col < t.positions.col_end; col++)
            use(row, col, Vector(t.f0, t.channels, row, col), Vector(t.f1, t.channels, row, col));
}

}  // namespace

void reference_feature_distance(const FeatureTask& t) {
    const double* const w = t.weights.wide;
    *t.sum = 0;
    each_position(t, [&](std::int64_t row, std::int64_t col, const Vector& f0, const Vector& f1) {
        double distance = 0;
        for (std::int64_t c = 0; c < t.channels; c++) {
            const double u = f0.normalised(c) - f1.normalised(c);
            distance += w[c] * u * u;
        }
        *t.sum += distance;
        write(t.map, row, col, 0, distance);
        // Any ratio will do, but the gradient has to find it as it was taken.
        double ratio = (f0.length + kFeatureEpsilon) / (f1.length + kFeatureEpsilon);
        if (t.state.data && t.state.dtype == DType::float32)
            ratio = ratio >= 1e-37 && ratio <= 1e37 ? static_cast<double>(static_cast<float>(ratio)) : 0;
        write(t.state, row, col, 0, ratio);
        write(t.state, row, col, 1, f0.inverse);
        write(t.state, row, col, 2, f1.inverse);
        write(t.state, row, col, 3, ratio * f0.inverse - f1.inverse);
        write(t.state, row, col, 4, along(f0, f0, f1, w, t.channels));
        write(t.state, row, col, 5, along(f1, f0, f1, w, t.channels));
    });
}

void reference_feature_gradient(const FeatureGradientTask& t) {
    const double* const w = t.weights.wide;
    for (std::int64_t c = 0; t.weight_sums && c < t.channels; c++) t.weight_sums[c] = 0;
    each_position(t, [&](std::int64_t row, std::int64_t col, const Vector& f0, const Vector& f1) {
        const double factor = read(t.upstream, row, col, 0);
        const double along0 = along(f0, f0, f1, w, t.channels), along1 = along(f1, f0, f1, w, t.channels);
        for (std::int64_t c = 0; c < t.channels; c++) {
            const double u = f0.normalised(c) - f1.normalised(c);
            write(t.grad0, row, col, c, 2 * factor * f0.inverse * (w[c] * u - along0 * f0[c]));
            write(t.grad1, row, col, c, -2 * factor * f1.inverse * (w[c] * u - along1 * f1[c]));
            if (t.weight_sums) t.weight_sums[c] += factor * u * u;
        }
    });
}

}  // namespace limen::detail
