#include "check.h"

#include <array>

namespace check {
namespace {

using limen::ImageView;

template <class Bytes>
void check_bytes(CudaCase& c, const char* name, const Bytes& bytes) {
    const auto refuses = [&](const char* what, const ImageView& x, double data_range,
                             const limen::Convention& convention) {
        c.expect_refusal((std::string(name) + ", " + what).c_str(), [&] { bytes(x, data_range, convention); });
    };
    const limen::Convention wang;
    const ImageView fits = ImageView::planar(nullptr, DType::float32, 200, 201);
    c.expect(bytes(fits, 1, wang) > 0, std::string(name) + " of an image that is not there yet is zero");
    refuses("an image smaller than the window", ImageView::planar(nullptr, DType::float32, 10, 200), 1, wang);
    refuses("an image without rows", ImageView::planar(nullptr, DType::float32, 0, 200), 1, wang);
    refuses("no images", ImageView::planar(nullptr, DType::float32, 200, 200, 1, 0), 1, wang);
    refuses("a data range of zero", fits, 0, wang);
    limen::Convention even;
    even.size = 10;
    refuses("an even window", fits, 1, even);
}

}  // namespace

/// A caller asks for the size of the workspace first, and is the first to be told.
void check_refusals(CudaCase& c) {
    namespace cuda = limen::cuda;
    check_bytes(c, "ssim_workspace_bytes", cuda::ssim_workspace_bytes);
    check_bytes(c, "ssim_gradient_workspace_bytes", cuda::ssim_gradient_workspace_bytes);
    check_bytes(c, "ms_ssim_workspace_bytes", cuda::ms_ssim_workspace_bytes);
    check_bytes(c, "ms_ssim_gradient_workspace_bytes", cuda::ms_ssim_gradient_workspace_bytes);
    check_bytes(c, "l1_ssim_workspace_bytes", cuda::l1_ssim_workspace_bytes);
    check_bytes(c, "l1_ssim_gradient_workspace_bytes", cuda::l1_ssim_gradient_workspace_bytes);
    std::array<unsigned char, 400> pixels = {};
    alignas(256) std::array<unsigned char, 1 << 14> memory = {};
    const ImageView x = ImageView::planar(pixels.data(), DType::uint8, 20, 20);
    const limen::OutputView halves = limen::OutputView::planar(pixels.data(), DType::float16, 10, 10);
    c.expect_refusal("a map in float16", [&] {
        cuda::ssim(x, x, 255, {}, limen::Reduction::image, {pixels.data()}, &halves, {memory.data(), memory.size()},
                   nullptr);
    });
    const ImageView many = ImageView::planar(nullptr, DType::float16, 1 << 16, 1 << 15);
    c.expect_refusal("a map of features of too many positions", [&] { cuda::feature_distance_workspace_bytes(many); });
    c.expect_refusal("integers as features", [] {
        cuda::feature_distance_gradient_workspace_bytes(ImageView::planar(nullptr, DType::uint8, 5, 5), true);
    });
    c.expect_refusal("pixel_errors_workspace_bytes of no pixels",
                     [] { cuda::pixel_errors_workspace_bytes(ImageView::planar(nullptr, DType::uint8, 5, 0)); });
}

}  // namespace check
