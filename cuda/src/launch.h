// What the public functions share: views as kernels take them, workspace, tiles, errors.
#pragma once

#include "output.h"
#include "tiles.h"

#include "planes.h"

#include <algorithm>

#include <limen/cuda.hpp>

namespace limen::cuda {

using detail::Formula;

Source source_of(const ImageView& x, const ImageView& y);
/// Leaves what lies far beyond the data range out of the centers.
void center_within(Source& source, double data_range);
Output output_of(const OutputView* view);
Output output_of(const ImageView* view);

/// Planes of u and v, planar, float32 or float64, less a center for each if `centers` is given.
Source source_of_uv(const void* u, const void* v, DType dtype, int64_t planes, int height, int width,
                    const double* centers);

void pad(Source& source, Padding padding, int reach);

/// Whether a call is computed in float64: for such images, and where a denominator could be no normal float32.
bool is_wide(DType dtype, double data_range, const Convention& convention);

/// Rounds taps to float32 such that their sum stays one: E[u^2] - E[u]^2 would multiply its error by the squared mean.
void round_taps(detail::Window& window);

/// Tiles for the kernels that slide down strips by groups of rows, of which a multiprocessor runs `blocks` at a time and a piece costs as
/// much as `extra_rows` more, and for those that take a tile at a time.
TileGrid sliding_grid(int64_t planes, int rows, int cols, int most_cols, int together, int blocks, int group,
                      int extra_rows);
TileGrid tile_grid(int64_t planes, int rows, int cols, int tile_rows, int tile_cols, int together);

/// Planes that lie in the same memory: the channels of interleaved pixels.
int planes_together(const ImageView& x);

/// The images' sides as the kernels count them; throws std::invalid_argument for more than they can.
void check_sizes(const ImageView& x);

/// All that can be wrong with one image by itself, for those who ask how much memory it takes; it need not be there yet.
void check_shape(const ImageView& x);

void check_scores(const char* name, const void* data, DType dtype);

/// Hands out pieces of the workspace, or only counts.
class Pieces {
  public:
    Pieces() = default;
    /// Throws std::invalid_argument for less than `needed`.
    Pieces(const Workspace& workspace, std::size_t needed);
    template <class T>
    T* take(int64_t count) {
        char* const at = base_ + used_;
        used_ += (static_cast<std::size_t>(count) * sizeof(T) + 255) / 256 * 256;
        most_ = std::max(most_, used_);
        return base_ ? reinterpret_cast<T*>(at) : nullptr;
    }
    void* take_bytes(int64_t bytes) { return take<char>(bytes); }
    std::size_t bytes() const { return most_; }

    /// From `place` on, pieces may be handed out anew.
    std::size_t place() const { return used_; }
    void reuse(std::size_t place) { used_ = place; }

  private:
    char* base_ = nullptr;
    std::size_t used_ = 0, most_ = 0;
};

/// Throws limen::cuda::Error unless `error` is cudaSuccess.
void check(cudaError_t error, const char* what);

unsigned blocks_of(const TileGrid& grid);

}  // namespace limen::cuda
