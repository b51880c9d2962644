// Sums of squared and of absolute differences.

namespace {

// Of one row's differences, which are zero behind its end up to a whole block. A block is `Step` vectors of pixels' channels side by
// side, several times: sample i of it is of channel i % Step, and few enough are added for sums in T.
template <class T, int Step>
void add_errors(const T* v, int64_t samples, double* squared, double* absolute) {
    constexpr int L = kLanes<T>;
    double row2[Step] = {}, row1[Step] = {};
    for (int64_t i = 0; i < samples; i += kErrorPeriods * Step * L) {
        Vec<T> sum2[Step] = {}, sum1[Step] = {};
        for (int period = 0; period < kErrorPeriods; period++)
#pragma GCC unroll 4
            for (int j = 0; j < Step; j++) {
                const Vec<T> d = load(v + i + (period * Step + j) * L);
                sum2[j] += d * d;
                sum1[j] += d < 0 ? -d : d;
            }
#pragma GCC unroll 4
        for (int j = 0; j < Step; j++)
#pragma GCC unroll 16
            for (int l = 0; l < L; l++) {
                row2[(j * L + l) % Step] += static_cast<double>(sum2[j][l]);
                row1[(j * L + l) % Step] += static_cast<double>(sum1[j][l]);
            }
    }
    for (int c = 0; c < Step; c++) squared[c] += row2[c], absolute[c] += row1[c];
}

template <class T>
void errors(const ErrorTask& task) {
    const PairSource& s = task.source;
    const int64_t cols = task.pixels.col_end - task.pixels.col_begin, samples = cols * s.step;
    const int64_t block = static_cast<int64_t>(kErrorPeriods) * s.step * kLanes<T>;
    T* const u = static_cast<T*>(task.scratch);
    T* const v = u + error_row(cols, s.step);
    for (int c = 0; c < s.step; c++) task.squared[c] = task.absolute[c] = 0;
    for (int64_t row = task.pixels.row_begin; row < task.pixels.row_end; row++) {
        load_block<T>(s, {row, 1, task.pixels.col_begin, cols}, u, v, 0);
        for (int64_t i = samples; i % block != 0; i++) v[i] = 0;
        switch (s.step) {
            case 1: add_errors<T, 1>(v, samples, task.squared, task.absolute); break;
            case 2: add_errors<T, 2>(v, samples, task.squared, task.absolute); break;
            case 3: add_errors<T, 3>(v, samples, task.squared, task.absolute); break;
            default: add_errors<T, 4>(v, samples, task.squared, task.absolute); break;
        }
    }
}

}  // namespace
