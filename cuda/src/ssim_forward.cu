#include "ssim_forward.h"

namespace limen::cuda {

TileGrid forward_grid(const Engine& engine, int64_t planes, int64_t rows, int64_t cols, int together) {
    const int r = static_cast<int>(rows), c = static_cast<int>(cols);
    // A strip may begin one column early. A piece of it costs about eight rows more, ten of which only half is done.
    if (engine.sliding)
        return sliding_grid(planes, r, c, kStripColumns - kTaps - 1, together, kForwardBlocks, kForwardGroup, 8);
    return tile_grid(planes, r, c, engine.wide ? kTileRows<double> : kTileRows<float>, kTileColumns, together);
}

TileGrid gradient_grid(int64_t planes, int rows, int cols, int together) {
    return sliding_grid(planes, rows, cols, kStripColumns - 2 * kTaps - 2, together, kGradientBlocks, kGradientGroup,
                        20);
}

ForwardParams forward_params(bool wide, const Source& source, const TileGrid& grid, const Formula& formula,
                             double* sums) {
    ForwardParams p = {};
    p.source = source;
    p.grid = grid;
    p.formula = formula;
    if (!wide) round_taps(p.formula.window);
    p.taps = taps_of(p.formula.window);
    p.c1 = static_cast<float>(formula.c1);
    p.c2 = static_cast<float>(formula.c2);
    p.epsilon = static_cast<float>(formula.epsilon);
    p.sums = sums;
    return p;
}

cudaError_t forward(const Engine& engine, const ForwardParams& p, cudaStream_t stream) {
    return engine.sliding && !p.slopes ? forward_sliding(p, stream) : forward_tiles(p, engine.wide, stream);
}

}  // namespace limen::cuda
