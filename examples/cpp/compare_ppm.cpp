// An application with limen inside: scores two PPM files (binary, 8 bits), channel by channel, in place.
//
//     compare_ppm original.ppm decoded.ppm

#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limen/limen.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Image {
    std::int64_t width = 0, height = 0;
    std::vector<std::uint8_t> pixels;

    limen::ImageView view() const {
        return limen::ImageView::interleaved(pixels.data(), limen::DType::uint8, height, width, 3);
    }
};

// A header of `P6 width height 255`, one white space, then the pixels.
Image read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    int largest = 0;
    Image image;
    file >> magic >> image.width >> image.height >> largest;
    if (!file || magic != "P6" || largest != 255 || image.width < 1 || image.height < 1)
        throw std::runtime_error(path + " is not a binary 8-bit PPM file");
    file.ignore();
    image.pixels.resize(static_cast<std::size_t>(image.width * image.height * 3));
    file.read(reinterpret_cast<char*>(image.pixels.data()), static_cast<std::streamsize>(image.pixels.size()));
    if (!file) throw std::runtime_error(path + " ends before its last pixel");
    return image;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::fprintf(stderr, "usage: compare_ppm ORIGINAL.ppm DECODED.ppm\n");
        return 2;
    }
    try {
        const Image x = read_ppm(arguments[1]), y = read_ppm(arguments[2]);
        std::array<double, 3> score{};
        limen::ssim(x.view(), y.view(), 255, {}, limen::Reduction::channels, score.data());
        std::printf("SSIM  red %.4f  green %.4f  blue %.4f\n", score[0], score[1], score[2]);
        double psnr = 0;
        limen::psnr(x.view(), y.view(), 255, limen::Reduction::image, &psnr);
        std::printf("PSNR  %.2f dB\n", psnr);
        return 0;
    } catch (
        const std::exception& error) {  // files that can't be read; images of other shapes, or smaller than the window
        std::fprintf(stderr, "compare_ppm: %s\n", error.what());
        return 1;
    }
}
