// Sums of squared and of absolute differences.

namespace {

template <class T>
void errors(const ErrorTask& task) {
    const PairSource& s = task.source;
    const int64_t cols = task.pixels.col_end - task.pixels.col_begin, samples = cols * s.step;
    T* const u = static_cast<T*>(task.scratch);
    T* const v = u + row_pitch(samples + 64, sizeof(T));
    for (int c = 0; c < s.step; c++) task.squared[c] = task.absolute[c] = 0;
    // A block is short enough for sums in T, and holds whole pixels.
    constexpr int64_t block = 48;
    for (int64_t row = task.pixels.row_begin; row < task.pixels.row_end; row++) {
        load_block<T>(s, {row, 1, task.pixels.col_begin, cols}, u, v, 0);
        if (s.step == 1) {
            for (int64_t i = samples; i % block != 0; i++) v[i] = 0;
            double squared = 0, absolute = 0;
            for (int64_t i = 0; i < samples; i += block) {
                Vec<T> sum2 = {}, sum1 = {};
                for (int64_t j = i; j < i + block; j += kLanes<T>) {
                    const Vec<T> d = load(v + j);
                    sum2 += d * d;
                    sum1 += d < 0 ? -d : d;
                }
                for (int l = 0; l < kLanes<T>; l++)
                    squared += static_cast<double>(sum2[l]), absolute += static_cast<double>(sum1[l]);
            }
            task.squared[0] += squared;
            task.absolute[0] += absolute;
        } else {
            for (int64_t i = 0; i < samples; i += s.step)
                for (int c = 0; c < s.step; c++) {
                    const double d = static_cast<double>(v[i + c]);
                    task.squared[c] += d * d;
                    task.absolute[c] += d < 0 ? -d : d;
                }
        }
    }
}

}  // namespace
