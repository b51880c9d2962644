// Halving, and handing a coarse gradient back to the finer scale.
#include "reference.h"
#include "source.h"

namespace limen::detail {

void reference_halve(const HalveTask& task) {
    const PairSource& s = task.source;
    for (std::int64_t i = task.target.row_begin; i < task.target.row_end; i++)
        for (std::int64_t j = task.target.col_begin; j < task.target.col_end; j++) {
            Pair sum = {0, 0};
            for (int k = 0; k < 4; k++) {
                const Pair p = pair_at(s, 2 * i + task.row_shift + k / 2, 2 * j + task.col_shift + k % 2, 0);
                sum.u += p.u;
                sum.v += p.v;
            }
            const std::int64_t to = (i - task.target.row_begin) * task.row + j - task.target.col_begin;
            static_cast<double*>(task.u)[to] = sum.u / 4 - s.center_u;
            static_cast<double*>(task.v)[to] = sum.v / 4 - s.center_v;
        }
}

namespace {

double share(const Halving& h, std::int64_t p) {
    if ((p + h.start) / 2 >= h.coarse) return 0;
    return (h.first_twice && p == 0) || (h.last_twice && p == h.fine - 1) ? 1 : 0.5;
}

}  // namespace

void reference_expand(const ExpandTask& task) {
    for (std::int64_t r = task.row_begin; r < task.row_end; r++)
        for (std::int64_t c = 0; c < task.cols.fine; c++) {
            const double part = share(task.rows, r) * share(task.cols, c);
            double value = task.scale * static_cast<const double*>(task.fine)[r * task.fine_row + c];
            if (part != 0) {
                const std::int64_t i = (r + task.rows.start) / 2, j = (c + task.cols.start) / 2;
                value += task.coarse_scale * part * static_cast<const double*>(task.coarse)[i * task.coarse_row + j];
            }
            write_number(task.out.data, task.out.dtype, r * task.out.row + c * task.out.sample, value);
        }
}

}  // namespace limen::detail
