#include "launch.h"

#include "checks.h"
#include "sliding.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>

namespace limen::cuda {
namespace {

constexpr int64_t kMost = std::numeric_limits<int>::max() / 4;

int bytes_of(DType dtype) {
    switch (dtype) {
        case DType::uint8: return 1;
        case DType::float32: return 4;
        case DType::float64: return 8;
        default: return 2;
    }
}

// Whether columns can be read `many` at a time from every one on that is a multiple of that.
bool together(const ImageView& v, int many) {
    const auto whole = [many](int64_t stride, int64_t count) { return count == 1 || stride % many == 0; };
    return v.column_stride == 1 && whole(v.row_stride, v.height) && whole(v.channel_stride, v.channels) &&
           whole(v.batch_stride, v.batch) &&
           reinterpret_cast<std::uintptr_t>(v.data) % static_cast<std::uintptr_t>(many * bytes_of(v.dtype)) == 0;
}

// Whether a stride of rows in bytes is an int.
bool fits(int64_t row_stride, int bytes) { return std::abs(row_stride) <= std::numeric_limits<int>::max() / bytes; }

template <class View>
Output output_from(const View* v) {
    if (!v) return {};
    return {const_cast<void*>(static_cast<const void*>(v->data)),
            v->batch_stride,
            v->channel_stride,
            v->row_stride,
            v->column_stride,
            static_cast<int>(v->channels),
            v->dtype};
}

}  // namespace

Source source_of(const ImageView& x, const ImageView& y) {
    Source s = {};
    s.x = x.data;
    s.y = y.data;
    s.x_batch = x.batch_stride, s.x_channel = x.channel_stride, s.x_row = x.row_stride, s.x_column = x.column_stride;
    s.y_batch = y.batch_stride, s.y_channel = y.channel_stride, s.y_row = y.row_stride, s.y_column = y.column_stride;
    s.channels = static_cast<int>(x.channels);
    s.height = static_cast<int>(x.height);
    s.width = static_cast<int>(x.width);
    s.bytes = bytes_of(x.dtype);
    s.dtype = x.dtype;
    s.border = Border::clamp;
    s.near_rows = fits(s.x_row, s.bytes) && fits(s.y_row, s.bytes);
    if (s.near_rows) {
        s.x_row_bytes = static_cast<int>(s.x_row) * s.bytes;
        s.y_row_bytes = static_cast<int>(s.y_row) * s.bytes;
    }
    s.pairs = together(x, 2) && together(y, 2);
    s.quads = together(x, 4) && together(y, 4);
    s.narrow = narrow_bits(s.dtype);
    s.reach = std::numeric_limits<float>::max();
    return s;
}

void center_within(Source& s, double data_range) {
    // u and v span twice as much as the images.
    const double reach = (s.is_uv ? 4 : 2) * data_range;
    s.reach = static_cast<float>(std::min(reach, static_cast<double>(s.reach)));
}

Output output_of(const OutputView* view) { return output_from(view); }
Output output_of(const ImageView* view) { return output_from(view); }

Source source_of_uv(const void* u, const void* v, DType dtype, int64_t planes, int height, int width,
                    const double* centers) {
    // Rows lie side by side. Every plane is an image of one channel.
    Source s = source_of(ImageView::planar(u, dtype, height, width, 1, planes),
                         ImageView::planar(v, dtype, height, width, 1, planes));
    s.is_uv = true;
    s.centers = centers;
    return s;
}

void pad(Source& s, Padding padding, int reach) {
    detail::PairSource padded = {};
    detail::pad(padded, padding, reach);
    s.pad = padded.pad;
    s.border = padded.border;
}

bool is_wide(DType dtype, double data_range, const Convention& c) {
    return dtype == DType::float64 || detail::beyond_float32(data_range) || c.k1 == 0 || c.k2 == 0;
}

void round_taps(detail::Window& window) {
    double others = 0;
    for (int k = 1; k <= window.reach; k++) {
        window.tap[k] = static_cast<double>(static_cast<float>(window.tap[k]));
        others += 2 * window.tap[k];
    }
    window.tap[0] = static_cast<double>(static_cast<float>(1 - others));
}

TileGrid tile_grid(int64_t planes, int rows, int cols, int tile_rows, int tile_cols, int together) {
    TileGrid g = {};
    g.rows = rows;
    g.cols = cols;
    g.tile_rows = tile_rows;
    g.tile_cols = tile_cols;
    g.down = (rows + tile_rows - 1) / tile_rows;
    g.across = (cols + tile_cols - 1) / tile_cols;
    g.together = together;
    g.planes = planes;
    return g;
}

TileGrid sliding_grid(int64_t planes, int rows, int cols, int most_cols, int together, int blocks, int group,
                      int extra_rows) {
    const int across = (cols + most_cols - 1) / most_cols;
    const int tile_cols = std::min(most_cols, ((cols + across - 1) / across + 7) / 8 * 8);
    // The largest devices of the day have 132 multiprocessors. A strip cut into more pieces fills them better, but every piece begins
    // with rows that complete nothing.
    const double resident = 132.0 * blocks;
    TileGrid best = {};
    double least = 0;
    for (int pieces = 1; pieces <= std::max(rows / 4, 1) && pieces <= 256; pieces++) {
        const int tile_rows = ((rows + pieces - 1) / pieces + group - 1) / group * group;
        const TileGrid grid = tile_grid(planes, rows, cols, tile_rows, tile_cols, together);
        const double all = static_cast<double>(planes) * static_cast<double>(grid.tiles());
        const double cost = std::ceil(all / resident) * (tile_rows + extra_rows);
        if (pieces == 1 || cost < least) least = cost, best = grid;
    }
    return best;
}

int planes_together(const ImageView& x) {
    return x.channel_stride == 1 && x.column_stride == x.channels && x.channels <= 4 ? static_cast<int>(x.channels) : 1;
}

void check_sizes(const ImageView& x) {
    if (x.height > kMost || x.width > kMost || x.channels > kMost)
        throw std::invalid_argument("height, width and channels must be at most " + std::to_string(kMost) +
                                    " on CUDA; got " + std::to_string(x.height) + " x " + std::to_string(x.width) +
                                    " and " + std::to_string(x.channels) + " channels");
}

void check_shape(const ImageView& x) {
    ImageView shape = x;
    shape.data = &shape;
    detail::check_pair(shape, shape);
    check_sizes(x);
}

void check_scores(const char* name, const void* data, DType dtype) {
    if (!data) throw std::invalid_argument(std::string(name) + " has no data: its pointer is null");
    if (dtype != DType::float32 && dtype != DType::float64)
        throw std::invalid_argument(std::string(name) + " must be float32 or float64");
}

Pieces::Pieces(const Workspace& workspace, std::size_t needed) : base_(static_cast<char*>(workspace.data)) {
    if (workspace.bytes < needed || (needed > 0 && !workspace.data))
        throw std::invalid_argument("workspace must have at least " + std::to_string(needed) + " bytes; got " +
                                    std::to_string(workspace.data ? workspace.bytes : 0));
    if (reinterpret_cast<std::uintptr_t>(workspace.data) % 64 != 0)
        throw std::invalid_argument("workspace must be aligned to 64 bytes; what cudaMalloc gives is");
}

void check(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    cudaGetLastError();  // the next call must not find this one's
    throw Error(static_cast<int>(error),
                std::string(what) + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")");
}

unsigned blocks_of(const TileGrid& grid) {
    const int64_t blocks = grid.planes * grid.tiles();
    if (blocks > std::numeric_limits<int>::max())
        throw std::invalid_argument("too many images for one call: they make " + std::to_string(blocks) +
                                    " tiles, and CUDA starts at most " +
                                    std::to_string(std::numeric_limits<int>::max()));
    return static_cast<unsigned>(blocks);
}

std::vector<std::string> devices() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        cudaGetLastError();  // the next call must not find this one's
        return {};
    }
    std::vector<std::string> names;
    for (int i = 0; i < count; i++) {
        cudaDeviceProp device = {};
        check(cudaGetDeviceProperties(&device, i), "properties of a device");
        names.push_back(std::string(device.name) + ", compute capability " + std::to_string(device.major) + "." +
                        std::to_string(device.minor));
    }
    return names;
}

}  // namespace limen::cuda
