#include "tile_scales.h"

#include "scratch.h"

namespace limen::detail {
namespace {

// The coarser scales of such a tile take about 700 kB in float32. With the overlap of a window, and halved, its columns fill chunks.
constexpr std::int64_t kTileRows = 256, kTileCols = 490;

std::int64_t clip(std::int64_t i, std::int64_t most) { return std::clamp<std::int64_t>(i, 0, most); }

TileSpans spans_of(const Scales& scales, const Convention& c, bool rows, std::int64_t tile, std::int64_t size,
                   bool last) {
    TileSpans t;
    for (int j = c.scales - 1; j >= 0; j--) {
        const Scale& s = scales[static_cast<std::size_t>(j)];
        const std::int64_t count = rows ? s.position_rows : s.position_cols, n = rows ? s.height : s.width;
        const std::int64_t pad = s.padding == Padding::valid ? 0 : c.size / 2;
        t.positions[j] = {clip(tile * size >> j, count), last ? count : clip((tile + 1) * size >> j, count)};
        if (t.positions[j].size() > 0) {
            t.pixels[j].cover(clip(t.positions[j].begin - pad, n), clip(t.positions[j].end + c.size - 1 - pad, n));
            // Mirrors and repeats look at pixels along the border, which may be another tile's.
            if (t.positions[j].begin < pad) t.pixels[j].cover(0, clip(c.size, n));
            if (t.positions[j].end + pad > n) t.pixels[j].cover(clip(n - c.size, n), n);
        }
        if (j + 1 < c.scales) {
            const int start = rows ? s.rows.start : s.cols.start;
            t.pixels[j].cover(clip(2 * t.pixels[j + 1].begin - start, n), clip(2 * t.pixels[j + 1].end - start, n));
        }
    }
    return t;
}

std::vector<TileSpans> cut(const Scales& scales, const Convention& c, bool rows, std::int64_t size) {
    const std::int64_t count =
        std::max<std::int64_t>(1, ((rows ? scales[0].position_rows : scales[0].position_cols) + size / 2) / size);
    std::vector<TileSpans> tiles;
    for (std::int64_t t = 0; t < count; t++) tiles.push_back(spans_of(scales, c, rows, t, size, t + 1 == count));
    return tiles;
}

}  // namespace

void Span::cover(std::int64_t from, std::int64_t to) {
    if (from >= to) return;
    const bool none = begin == end;
    begin = none ? from : std::min(begin, from);
    end = none ? to : std::max(end, to);
}

TiledScales::TiledScales(const Scales& scales, const Convention& convention, const Formula& contrast,
                         const Formula& full, const Engine& engine)
    : scales_(scales),
      convention_(convention),
      contrast_(contrast),
      full_(full),
      engine_(engine),
      down_(cut(scales, convention, true, kTileRows)),
      across_(cut(scales, convention, false, kTileCols)),
      coarse_(0),
      scratch_(0) {
    for (int j = 0; j < convention.scales; j++) {
        std::int64_t rows = 0, cols = 0;
        for (const TileSpans& t : down_) rows = std::max(rows, t.pixels[j].size());
        for (const TileSpans& t : across_) cols = std::max(cols, t.pixels[j].size());
        if (j > 0) coarse_ += 2 * rows * row_pitch(cols, engine.number);
        scratch_ =
            std::max({scratch_, moment_layout(convention.size / 2, 1, 0).total, halve_numbers(cols, engine.number)});
    }
}

void TiledScales::sum(PairSource plane, std::int64_t tile, double* sums, void* scratch) const {
    const TileSpans& down = down_[static_cast<std::size_t>(tile) / across_.size()];
    const TileSpans& across = across_[static_cast<std::size_t>(tile) % across_.size()];
    char* coarse = static_cast<char*>(scratch) + static_cast<std::size_t>(scratch_) * engine_.number;
    for (int j = 0; j < convention_.scales; j++) {
        const Scale& scale = scales_[static_cast<std::size_t>(j)];
        const bool last = j + 1 == convention_.scales;
        ForwardTask task = {};
        task.positions = {down.positions[j].begin, down.positions[j].end, across.positions[j].begin,
                          across.positions[j].end};
        task.source = plane;
        pad(task.source, scale.padding, convention_.size / 2);
        task.formula = last ? &full_ : &contrast_;
        task.sums = &sums[j];
        task.scratch = scratch;
        sums[j] = 0;
        if (down.positions[j].size() > 0 && across.positions[j].size() > 0) engine_.kernels->forward(task);
        if (last) break;

        const Span &rows = down.pixels[j + 1], &cols = across.pixels[j + 1];
        HalveTask halve = halve_task(plane, scale);
        halve.target = {rows.begin, rows.end, cols.begin, cols.end};
        halve.row = row_pitch(cols.size(), engine_.number);
        const std::size_t bytes = static_cast<std::size_t>(rows.size() * halve.row) * engine_.number;
        halve.u = coarse;
        halve.v = coarse + bytes;
        halve.scratch = scratch;
        coarse += 2 * bytes;
        if (rows.size() == 0 || cols.size() == 0) break;  // nothing of the coarser scales is this tile's
        engine_.kernels->halve(halve);
        plane = coarse_plane(plane, halve, scales_[static_cast<std::size_t>(j + 1)]);
    }
}

}  // namespace limen::detail
