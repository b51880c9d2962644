#include "plane_gradient.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace limen::cuda {
namespace {

// The general kernels keep the slopes of as many planes in memory, but always of one.
constexpr int64_t kSlopeBytes = int64_t{64} << 20;

bool folds(const Source& s) { return s.pad > 0 && s.border != Border::zero; }

void start_tiles(const PlaneGradient& g, const GradientWork& work, cudaStream_t stream) {
    for (int64_t first = 0; first < g.planes; first += work.slope_planes) {
        const int64_t count = std::min(work.slope_planes, g.planes - first);
        TileGrid positions = work.grid;
        positions.planes = count;
        ForwardParams p = forward_params(g.engine.wide, g.source, positions, g.formula, work.sums);
        p.slopes = work.slopes;
        p.quantities = g.out.y.data ? 4 : 3;
        p.first_plane = static_cast<int>(first);
        p.slope_planes = work.slope_planes;
        p.weights = g.weights;
        check(forward(g.engine, p, stream), "slopes of SSIM");

        AdjointParams a = {};
        a.source = g.source;
        a.grid = tile_grid(count, g.source.height + 2 * g.source.pad, g.source.width + 2 * g.source.pad,
                           g.engine.wide ? kTileRows<double> : kTileRows<float>, kTileColumns, 1);
        a.window = p.formula.window;
        a.position_rows = g.position_rows;
        a.position_cols = g.position_cols;
        a.slopes = work.slopes;
        a.first_plane = static_cast<int>(first);
        a.slope_planes = work.slope_planes;
        a.out = g.out;
        a.out.frames = work.frames;
        check(adjoint_tiles(a, g.engine.wide, stream), "gradient of SSIM");
    }
}

// Whether columns can be written four at a time from every fourth one on.
bool in_quads(const Output& out) {
    const int bytes = out.dtype == DType::float32 ? 4 : 2;
    return out.dtype != DType::float64 && out.column == 1 && out.row % 4 == 0 && out.channel % 4 == 0 &&
           out.batch % 4 == 0 && std::abs(out.row) <= std::numeric_limits<int>::max() &&
           reinterpret_cast<std::uintptr_t>(out.data) % static_cast<std::uintptr_t>(4 * bytes) == 0;
}

void start_sliding(const PlaneGradient& g, const GradientWork& work, cudaStream_t stream) {
    const ForwardParams f = forward_params(false, g.source, work.grid, g.formula, work.sums);
    SlidingGradientParams p = {};
    p.source = g.source;
    p.grid = work.grid;
    p.position_rows = g.position_rows;
    p.position_cols = g.position_cols;
    p.taps = f.taps;
    p.c1 = f.c1;
    p.c2 = f.c2;
    p.epsilon = f.epsilon;
    p.luminance = g.formula.luminance;
    p.sums = work.sums;
    p.weights = g.weights;
    p.out = g.out;
    p.out.frames = work.frames;
    p.quads = in_quads(g.out.x) && (!g.out.y.data || in_quads(g.out.y));
    const int pad = g.source.pad;
    p.inner_row_begin = p.inner_col_begin = pad;
    p.inner_row_end = pad + g.source.height;
    p.inner_col_end = pad + g.source.width;
    if (work.frames) {
        const Frame frame(pad, g.source.height, g.source.width);
        p.inner_row_begin = frame.top;
        p.inner_row_end = frame.height - frame.bottom;
        p.inner_col_begin = frame.left;
        p.inner_col_end = frame.width - frame.right;
    }
    check(gradient_sliding(p, stream), "gradient of SSIM");
}

}  // namespace

GradientWork gradient_work(Pieces& pieces, const PlaneGradient& g) {
    GradientWork work = {};
    const int64_t number = g.engine.wide ? 8 : 4;
    const int rows = g.source.height + 2 * g.source.pad, cols = g.source.width + 2 * g.source.pad;
    // Tiles take turns over planes that lie together only where all planes are done at once.
    work.grid = g.engine.sliding ? gradient_grid(g.planes, rows, cols, g.together)
                                 : forward_grid(g.engine, g.planes, g.position_rows, g.position_cols, 1);
    work.sums = pieces.take<double>(g.planes * work.grid.tiles());
    if (folds(g.source)) {
        const Frame frame(g.source.pad, g.source.height, g.source.width);
        work.frames = pieces.take_bytes(2 * g.planes * frame.pixels() * number);
    }
    if (g.engine.sliding) return work;
    const int64_t plane = 4 * static_cast<int64_t>(g.position_rows) * g.position_cols * number;
    work.slope_planes = std::clamp<int64_t>(kSlopeBytes / plane, 1, g.planes);
    work.slopes = pieces.take_bytes(work.slope_planes * plane);
    return work;
}

void start_gradient(const PlaneGradient& g, const GradientWork& work, cudaStream_t stream) {
    g.engine.sliding ? start_sliding(g, work, stream) : start_tiles(g, work, stream);
    if (!folds(g.source)) return;
    FoldParams p = {};
    p.pad = g.source.pad;
    p.height = g.source.height;
    p.width = g.source.width;
    p.border = g.source.border;
    p.planes = g.planes;
    p.images = g.out.y.data ? 2 : 1;
    p.frames = work.frames;
    p.out[0] = g.out.x;
    p.out[1] = g.out.y;
    check(fold(p, g.engine.wide, stream), "gradient of the padding");
}

}  // namespace limen::cuda
