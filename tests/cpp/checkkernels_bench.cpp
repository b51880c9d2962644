// Times every kernel of every implementation on a tile about as large as the library cuts.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limen/runtime.hpp>

#include "checkkernels_memory.h"
#include "planes.h"

namespace check {
namespace {

constexpr std::int64_t kRows = 128, kCols = 720;
constexpr std::size_t kScratchBytes = std::size_t{16} << 20;

// A row for each kernel, a column for each implementation. Prints a time only for a result that agrees with the reference's.
class Table {
  public:
    explicit Table(const std::string& filter) : filter_(filter) {
        std::printf("nanoseconds per sample of %d x %d pixels, one thread\n%-46s", static_cast<int>(kRows),
                    static_cast<int>(kCols), "");
        for (const std::string& name : limen::implementations()) {
            limen::set_implementation(name);
            columns_.push_back(&current_implementation());
            std::printf("%10s", name.c_str());
        }
        limen::set_implementation("auto");
        std::puts("");
    }

    /// `call(kernels, number)` runs a kernel for a number type and returns something of its result.
    template <class Call>
    void row(const std::string& name, bool wide, int step, const Call& call) {
        if (name.find(filter_) == std::string::npos) return;
        std::printf("%-46s", name.c_str());
        double right = 0;
        for (const Implementation* i : columns_) {
            const DType number = wide || i->is_reference ? DType::float64 : DType::float32;
            const KernelsOf& kernels =
                number == DType::float64 ? i->kernels->double_precision : i->kernels->single_precision;
            const double result = call(kernels, number);
            if (i->is_reference) right = result;
            const bool agrees = std::fabs(result - right) <= 1e-4 * std::fabs(right);
            passed &= agrees;
            if (agrees)
                std::printf("%10.3f",
                            fastest([&] { call(kernels, number); }) / static_cast<double>(kRows * kCols * step));
            else std::printf("%10s", "wrong");
            std::fflush(stdout);
        }
        std::puts("");
    }

    bool passed = true;

  private:
    template <class Run>
    static double fastest(const Run& run) {
        using Clock = std::chrono::steady_clock;
        double best = INFINITY;
        const Clock::time_point begin = Clock::now();
        do {
            const Clock::time_point from = Clock::now();
            run();
            best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - from).count());
        } while (Clock::now() - begin < std::chrono::milliseconds(200));
        return best;
    }

    std::string filter_;
    std::vector<const Implementation*> columns_;
};

/// A pair whose SSIM is neither 0 nor 1, and room for what kernels need.
struct Pair {
    Pair(DType dtype, int step, int reach)
        : random({1}),
          x(random, dtype, dense(kRows + 2 * reach, (kCols + 2 * reach) * step)),
          y(random, dtype, x.layout()),
          scratch(kScratchBytes) {
        const double range = dtype == DType::uint8 ? 255 : 1;
        for (Strided* plane : {&x, &y})
            for (std::int64_t r = 0; r < x.layout().rows; r++)
                for (std::int64_t i = 0; i < x.layout().samples; i++) {
                    const double wave =
                        std::sin(0.01 * static_cast<double>(i)) + std::sin(0.05 * static_cast<double>(r));
                    plane->set(r, i, range * (0.5 + 0.15 * wave + random.uniform(-0.1, 0.1)));
                }
        limen::Convention convention;
        convention.size = 2 * reach + 1;
        if (reach != 5) convention.window = limen::WindowShape::uniform;
        formula = formula_of(convention, range, true);
        source.x = x.origin();
        source.y = y.origin();
        source.x_row = source.y_row = x.layout().row;
        source.x_sample = source.y_sample = 1;
        source.height = kRows + 2 * reach;
        source.width = kCols + 2 * reach;
        source.step = step;
        source.dtype = dtype;
    }

    Random random;
    Strided x, y;
    Guarded scratch;
    Formula formula;
    PairSource source = {};
    double sums[2 * kMaxInterleave] = {};
};

std::string described(const char* kernel, DType dtype, int step, const char* more = "") {
    const char* const type = dtype == DType::uint8 ? "uint8" : dtype == DType::float64 ? "float64" : "float32";
    return std::string(kernel) + ", " + type + (step == 3 ? ", 3 channels last" : "") + more;
}

void bench_forward(Table& table, DType dtype, int step, int reach, bool map) {
    Pair pair(dtype, step, reach);
    Strided values(pair.random, DType::float32, dense(kRows, kCols * step));
    ForwardTask task = {};
    task.source = pair.source;
    task.source.center_u = dtype == DType::uint8 ? 255 : 1;
    task.formula = &pair.formula;
    task.positions = {0, kRows, 0, kCols};
    task.sums = pair.sums;
    if (map) task.map = values.plane();
    task.scratch = pair.scratch.data();
    const char* const window = reach == 5 ? "forward, 11 x 11" : "forward, 7 x 7 uniform";
    table.row(described(window, dtype, step, map ? ", map" : ""), dtype == DType::float64, step,
              [&](const KernelsOf& kernels, DType) {
                  kernels.forward(task);
                  return pair.sums[0];
              });
}

void bench_gradient(Table& table, DType dtype, int step, bool both) {
    Pair pair(dtype, step, 5);
    const DType out = dtype == DType::float64 ? DType::float64 : DType::float32;
    Strided grad_x(pair.random, out, pair.x.layout()), grad_y(pair.random, out, pair.x.layout());
    GradientTask task = {};
    task.source = pair.source;
    task.source.center_u = dtype == DType::uint8 ? 255 : 1;
    task.formula = &pair.formula;
    task.pixels = {0, kRows, 0, kCols};
    task.position_rows = kRows;
    task.position_cols = kCols;
    task.scale = 1;
    task.sums = pair.sums;
    task.grad_x = grad_x.plane();
    if (both) task.grad_y = grad_y.plane();
    task.scratch = pair.scratch.data();
    const char* const which = both ? "gradients of both" : "gradient of one";
    table.row(described(which, dtype, step), dtype == DType::float64, step, [&](const KernelsOf& kernels, DType) {
        kernels.gradient(task);
        return pair.sums[0] + grad_x.get(kRows / 2, kCols / 2);
    });
}

void bench_halve(Table& table, DType dtype) {
    Pair pair(dtype, 1, 0);
    std::vector<double> u(kRows * kCols / 4), v(u.size());
    HalveTask task = {};
    task.source = pair.source;
    task.target = {0, kRows / 2, 0, kCols / 2};
    task.u = u.data();
    task.v = v.data();
    task.row = kCols / 2;
    task.scratch = pair.scratch.data();
    table.row(described("halve", dtype, 1), false, 1, [&](const KernelsOf& kernels, DType number) {
        kernels.halve(task);
        return read_number(u.data(), number, 0);
    });
}

void bench_expand(Table& table) {
    Random random({1});
    const auto ramp = [&](DType dtype, std::int64_t rows, std::int64_t cols) {
        auto plane = std::make_unique<Strided>(random, dtype, dense(rows, cols));
        for (std::int64_t i = 0; i < rows * cols; i++)
            plane->set(i / cols, i % cols, 1 + 0.001 * static_cast<double>(i % 1000));
        return plane;
    };
    const Strided out(random, DType::float32, dense(kRows, kCols));
    const Guarded scratch(kScratchBytes);
    const auto fine32 = ramp(DType::float32, kRows, kCols), coarse32 = ramp(DType::float32, kRows / 2, kCols / 2);
    const auto fine64 = ramp(DType::float64, kRows, kCols), coarse64 = ramp(DType::float64, kRows / 2, kCols / 2);
    ExpandTask task = {};
    task.rows = {kRows, kRows / 2, 0, false, false};
    task.cols = {kCols, kCols / 2, 0, false, false};
    task.row_end = kRows;
    task.scale = task.coarse_scale = 1;
    task.fine_row = kCols;
    task.coarse_row = kCols / 2;
    task.out = out.plane();
    task.scratch = scratch.data();
    table.row("expand, float32", false, 1, [&](const KernelsOf& kernels, DType number) {
        const bool wide = number == DType::float64;
        task.fine = (wide ? fine64 : fine32)->origin();
        task.coarse = (wide ? coarse64 : coarse32)->origin();
        kernels.expand(task);
        return out.get(kRows - 1, kCols - 1);
    });
}

void bench_errors(Table& table, DType dtype, int step) {
    Pair pair(dtype, step, 0);
    ErrorTask task = {};
    task.source = pair.source;
    task.pixels = {0, kRows, 0, kCols};
    task.squared = pair.sums;
    task.absolute = pair.sums + kMaxInterleave;
    task.scratch = pair.scratch.data();
    table.row(described("errors", dtype, step), dtype == DType::float64, step, [&](const KernelsOf& kernels, DType) {
        kernels.errors(task);
        return pair.sums[0] + pair.sums[kMaxInterleave];
    });
}

}  // namespace

bool bench_kernels(const std::string& filter) {
    Table table(filter);
    for (const DType dtype : {DType::float32, DType::uint8})
        for (const int step : {1, 3}) bench_forward(table, dtype, step, 5, false);
    bench_forward(table, DType::float32, 1, 5, true);
    bench_forward(table, DType::float64, 1, 5, false);
    bench_forward(table, DType::uint8, 1, 3, false);
    for (const bool both : {false, true})
        for (const int step : {1, 3}) bench_gradient(table, DType::float32, step, both);
    bench_gradient(table, DType::float64, 1, false);
    for (const DType dtype : {DType::float32, DType::uint8}) bench_halve(table, dtype);
    bench_expand(table);
    for (const int step : {1, 3}) bench_errors(table, DType::uint8, step);
    return table.passed;
}

}  // namespace check
