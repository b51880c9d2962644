// How exact distances of features and their gradients have to be.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace check {

/// Tolerances in units of the roundoff: sums over channels add up groups of eight, vectors of several channels.
inline double growth(std::int64_t channels) { return 16 + static_cast<double>(channels) / 4; }

/// Distance of a feature too small for float32 to hold its square, to which 1e-10 is much.
constexpr double kNothing = 1e-24;

// Two feature vectors, as they are stored, and what tolerances go by.
struct FeatureVectors {
    std::vector<double> f[2], h[2];  // as they are, and normalised
    double length[2], inverse[2];

    FeatureVectors(std::vector<double> f0, std::vector<double> f1) : f{std::move(f0), std::move(f1)} {
        for (int i = 0; i < 2; i++) {
            double squares = 0;
            for (const double value : f[i]) squares += value * value;
            length[i] = std::sqrt(squares);
            inverse[i] = length[i] == 0 ? 0 : 1 / (length[i] + 1e-10);
            for (const double value : f[i]) h[i].push_back(value * inverse[i]);
        }
    }

    /// Of the distance.
    double distance_tolerance(const std::vector<double>& w, bool wide) const {
        double distance = 0, lengths = 0, dd = 0, f11 = 0, squares = 0, w11 = 0;
        const double shift = inverse[0] - inverse[1];
        for (std::size_t c = 0; c < w.size(); c++) {
            const double u = h[0][c] - h[1][c], d = inverse[0] * (f[0][c] - f[1][c]), s = shift * f[1][c];
            distance += w[c] * u * u;
            lengths += w[c] * h[0][c] * h[0][c];
            dd += w[c] * d * d;
            f11 += w[c] * s * s;
            squares += std::fabs(f[0][c] * f[0][c] - f[1][c] * f[1][c]);
            w11 += w[c] * h[1][c] * h[1][c];
        }
        const double terms = std::clamp(dd + f11, distance, 17 * distance);
        // What is left by rounding normalised features: of the reference, and of a second sweep.
        const auto direct = [&](double roundoff) {
            return 8 * roundoff * std::sqrt(lengths * distance) + 64 * roundoff * roundoff * lengths;
        };
        const double roundoff = wide ? 0x1p-53 : 0x1p-24;
        // The difference of lengths is a sum over all channels, those of no weight too: its roundings tell in the distance.
        const double shorter = length[1] == 0 ? 0 : 2 * inverse[0] * squares / (length[0] + length[1]);
        const double of_lengths = 4 * roundoff * shorter * std::sqrt(distance * w11);
        return of_lengths + growth(static_cast<std::int64_t>(w.size())) * terms * roundoff + direct(0x1p-53) +
               (dd + f11 > 8 * distance ? direct(roundoff) : 0);
    }

    /// Of the gradients of both features and of the weight, in units of the roundoff and of what comes from upstream. With a state that
    /// kernels have made, errors of one vector's sums are the other's, too.
    struct Scales {
        std::vector<double> of[2], weight;
    };
    Scales gradient_scales(const std::vector<double>& w, bool own_state = false) const {
        Scales scales;
        double common[2] = {};
        for (std::size_t k = 0; k < w.size(); k++) {
            const double u = std::fabs(h[0][k]) + std::fabs(h[1][k]);
            scales.weight.push_back(u * u);
            for (int j = 0; j < 2; j++) common[j] += w[k] * u * (own_state ? u : std::fabs(h[j][k]));
        }
        for (std::size_t k = 0; k < w.size(); k++)
            for (int j = 0; j < 2; j++) {
                const double u = std::fabs(h[0][k]) + std::fabs(h[1][k]);
                const double along = length[j] == 0 ? 0 : common[j] * std::fabs(f[j][k]) / length[j];
                scales.of[j].push_back(2 * inverse[j] * (w[k] * u + along));
            }
        return scales;
    }
};

}  // namespace check
