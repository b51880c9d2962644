// An application of its own that links the installed library: scores an image against itself and against a darker copy.
#include <cstdint>
#include <cstdio>
#include <limen/limen.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

bool expect(bool holds, const char* what) {
    if (!holds) std::fprintf(stderr, "failed: %s\n", what);
    return holds;
}

bool refuses_a_small_image() {
    const std::vector<std::uint8_t> pixels(4 * 4);
    const auto image = limen::ImageView::planar(pixels.data(), limen::DType::uint8, 4, 4);
    try {
        limen::ssim(image, image, 255);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

}  // namespace

int main() {
    constexpr int side = 176;
    std::vector<std::uint8_t> bright(side * side), dark(side * side);
    for (int i = 0; i < side * side; i++) {
        bright[i] = static_cast<std::uint8_t>(i % 251);
        dark[i] = bright[i] / 2;
    }
    const auto x = limen::ImageView::planar(bright.data(), limen::DType::uint8, side, side);
    const auto y = limen::ImageView::planar(dark.data(), limen::DType::uint8, side, side);
    const double same = limen::ssim(x, x, 255), darker = limen::ssim(x, y, 255), scales = limen::ms_ssim(x, y, 255);
    std::printf("limen %s, %s: SSIM %.6f and %.6f, MS-SSIM %.6f\n", limen::version(), limen::implementation().c_str(),
                same, darker, scales);

    bool passed = expect(same > 1 - 1e-6 && same < 1 + 1e-6, "an image is like itself");
    passed &= expect(darker > 0 && darker < 0.99, "a darker copy is less like it");
    passed &= expect(scales > 0 && scales < 0.99, "and so at every scale");
    passed &= expect(refuses_a_small_image(), "an image smaller than the window is refused");
    passed &= expect(limen::version() == std::string(PACKAGE_VERSION), "the library has the version of its package");
    return passed ? 0 : 1;
}
