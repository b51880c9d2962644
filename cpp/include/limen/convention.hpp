#pragma once

#include <array>
#include <cstdint>

namespace limen {

enum class WindowShape { gaussian, uniform };

/// What a window sees beyond the border. `valid` keeps windows inside and gives a smaller map, the others give one of the image's size.
enum class Padding {
    valid,
    zero,
    reflect,    ///< mirrored about the border pixel, which is not repeated: c b | a b c
    symmetric,  ///< mirrored about the border: b a | a b c
    replicate   ///< the border pixel repeated: a a | a b c
};

enum class Covariance {
    population,
    sample  ///< times n / (n - 1), where n is the number of pixels in the window
};

/// How MS-SSIM halves a side that is odd before it takes 2 x 2 means.
enum class Downsample {
    symmetric,  ///< repeats the last row or column
    zero,       ///< puts a zero row or column before the first
    replicate,  ///< repeats the first row and column if either side is odd, then drops what is left over
    floor,      ///< drops the last row or column
    none        ///< this convention has no MS-SSIM
};

/// What MS-SSIM does with a mean below zero, whose fractional power does not exist.
enum class Negative {
    clamp,     ///< takes zero; the gradient of that scale is zero too
    is_signed  ///< takes sign(v) |v|^w
};

/// How the means of the channels enter an MS-SSIM image score.
enum class Channels {
    separate,  ///< a product per channel, then their mean
    joint      ///< means over the channels first, then one product
};

/// Everything in which implementations of SSIM differ. The defaults are Wang's (2003, 2004).
struct Convention {
    static constexpr int max_scales = 8;

    WindowShape window = WindowShape::gaussian;
    int size = 11;       ///< taps along one side, odd, 3 to 255
    double sigma = 1.5;  ///< of the Gaussian, in pixels; 0.001 or more
    double k1 = 0.01;    ///< and k2: 0 to 10
    double k2 = 0.03;
    Padding padding = Padding::valid;
    Covariance covariance = Covariance::population;
    double epsilon = 0;            ///< added to the denominator of SSIM
    bool auto_downsample = false;  ///< ssim() of means over f x f blocks, f = max(1, round(min(height, width) / 256))

    // MS-SSIM only
    Downsample downsample = Downsample::symmetric;
    Negative negative = Negative::clamp;
    Channels channels = Channels::separate;
    bool crop_contrast = false;  ///< scales before the last take only windows inside the image, whatever the padding
    int scales = 5;
    std::array<double, max_scales> weights = {0.0448, 0.2856, 0.3001, 0.2363,
                                              0.1333};  ///< exponents, finest scale first

    /// Rows (or columns) of the SSIM map of an image whose size is `height` x `width`.
    std::array<std::int64_t, 2> map_size(std::int64_t height, std::int64_t width) const;
};

}  // namespace limen
