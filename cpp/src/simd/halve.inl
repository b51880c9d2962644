// Halves a pair of planes by 2 x 2 means, in u and v: the next scale of MS-SSIM reads them as they are.

namespace {

template <class T>
LIMEN_INLINE void add_pairs(const T* a, const T* b, T* out, int64_t count) {
    constexpr int L = kLanes<T>;
    int64_t i = 0;
    for (; i + L <= count; i += L) {
        const Vec<T> low = load(a + 2 * i) + load(b + 2 * i), high = load(a + 2 * i + L) + load(b + 2 * i + L);
        store_unaligned(out + i, T(0.25) * (even_lanes<T>(low, high) + odd_lanes<T>(low, high)));
    }
    for (; i < count; i++) out[i] = T(0.25) * (a[2 * i] + a[2 * i + 1] + b[2 * i] + b[2 * i + 1]);
}

template <class T>
void halve(const HalveTask& task) {
    const int64_t count = task.target.col_end - task.target.col_begin, pitch = row_pitch(2 * count + 64, sizeof(T));
    T* const rows = static_cast<T*>(task.scratch);  // u and v of two source rows
    for (int64_t i = task.target.row_begin; i < task.target.row_end; i++) {
        load_block<T>(task.source, {2 * i + task.row_shift, 2, 2 * task.target.col_begin + task.col_shift, 2 * count},
                      rows, rows + 2 * pitch, pitch);
        const int64_t to = (i - task.target.row_begin) * task.row;
        add_pairs<T>(rows, rows + pitch, static_cast<T*>(task.u) + to, count);
        add_pairs<T>(rows + 2 * pitch, rows + 3 * pitch, static_cast<T*>(task.v) + to, count);
    }
}

// What fraction of its coarse pixel fine pixel p takes along one axis.
template <class T>
LIMEN_INLINE T share(const Halving& h, int64_t p) {
    if ((p + h.start) / 2 >= h.coarse) return 0;
    return (h.first_twice && p == 0) || (h.last_twice && p == h.fine - 1) ? T(1) : T(0.5);
}

template <class T>
void expand(const ExpandTask& task) {
    constexpr int L = kLanes<T>;
    const int64_t width = task.cols.fine;
    T* const row = static_cast<T*>(task.scratch);
    PairSource whole = {};
    whole.height = task.rows.fine;
    whole.width = width;
    whole.step = 1;
    for (int64_t r = task.row_begin; r < task.row_end; r++) {
        const T scale = static_cast<T>(task.scale);
        const T rows = static_cast<T>(task.coarse_scale) * share<T>(task.rows, r);
        const int64_t i = (r + task.rows.start) / 2;
        const T* fine = static_cast<const T*>(task.fine) + r * task.fine_row;
        const bool any = i < task.rows.coarse;
        const T* coarse = static_cast<const T*>(task.coarse) + i * task.coarse_row;
        T* out = task.out.dtype == (sizeof(T) == 8 ? DType::float64 : DType::float32) && task.out.sample == 1
                     ? static_cast<T*>(task.out.data) + r * task.out.row
                     : row;
        const auto one = [&](int64_t p) {
            const T cols = any ? share<T>(task.cols, p) : T(0);
            out[p] = scale * fine[p] + (cols != 0 ? rows * cols * coarse[(p + task.cols.start) / 2] : T(0));
        };
        const T part = rows / 2;
        // Pairs of fine pixels that share a coarse one begin at `start`.
        int64_t p = 0;
        for (; p < task.cols.start && p < width; p++) one(p);
        for (; any && p + 2 * L < width; p += 2 * L) {
            const Vec<T> up = part * load_unaligned(coarse + (p + task.cols.start) / 2);
            Vec<T> low, high;
            repeat_lanes<T>(up, low, high);
            store_unaligned(out + p, scale * load_unaligned(fine + p) + low);
            store_unaligned(out + p + L, scale * load_unaligned(fine + p + L) + high);
        }
        for (; p < width; p++) one(p);
        if (out == row) save_block<T>(task.out, whole, {r, 1, 0, width}, row, 0);
    }
}

}  // namespace
