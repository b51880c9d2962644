#include "reference.h"
#include "source.h"

#include <cmath>

namespace limen::detail {

void reference_errors(const ErrorTask& task) {
    for (int c = 0; c < task.source.step; c++) {
        task.squared[c] = task.absolute[c] = 0;
        for (std::int64_t row = task.pixels.row_begin; row < task.pixels.row_end; row++)
            for (std::int64_t col = task.pixels.col_begin; col < task.pixels.col_end; col++) {
                const double d = pair_at(task.source, row, col, c).v;
                task.squared[c] += d * d;
                task.absolute[c] += std::fabs(d);
            }
    }
}

}  // namespace limen::detail
