#include "feature_maps.h"

#include <limits>

namespace limen::cuda {
namespace {

int bytes_of(DType dtype) { return dtype == DType::float64 ? 8 : dtype == DType::float32 ? 4 : 2; }

template <class View>
bool in_fours(const View& v) {
    const auto whole = [](int64_t stride, int64_t count) { return count == 1 || stride % 4 == 0; };
    const auto alignment = static_cast<std::uintptr_t>(std::min(4 * bytes_of(v.dtype), 16));
    return v.channel_stride == 1 && whole(v.column_stride, v.width) && whole(v.row_stride, v.height) &&
           whole(v.batch_stride, v.batch) && reinterpret_cast<std::uintptr_t>(v.data) % alignment == 0;
}

}  // namespace

FeatureMap feature_map(const ImageView& f) { return {output_of(&f), true, in_fours(f)}; }

FeatureMap feature_map(const OutputView* f, DType dtype) {
    const bool same = f && f->dtype == dtype;
    return {output_of(f), same, same && in_fours(*f)};
}

FeaturePair feature_pair(const ImageView& f0, const ImageView& f1, const ChannelWeights* weight) {
    FeaturePair p = {};
    p.f0 = feature_map(f0);
    p.f1 = feature_map(f1);
    p.channels = static_cast<int>(f0.channels);
    p.width = static_cast<int>(f0.width);
    if (weight) {
        check_scores("weight", weight->data, weight->dtype);
        p.weight = weight->data;
        p.weight_dtype = weight->dtype;
    }
    // By f0 alone, which is all that is known where the size of the workspace is asked for.
    p.lanes = f0.channel_stride == 1 && f0.channels > 16 ? 8 : 1;
    return p;
}

void check_feature_shape(const ImageView& f0) {
    ImageView shape = f0;
    shape.data = &shape;
    detail::check_features(shape, shape);
    check_sizes(f0);
    const int64_t positions = f0.height * f0.width, most = std::numeric_limits<int>::max() - kFeatureThreads;
    if (positions > most)
        throw std::invalid_argument("a map of features must have at most " + std::to_string(most) +
                                    " positions on CUDA; got " + std::to_string(f0.height) + " x " +
                                    std::to_string(f0.width));
}

}  // namespace limen::cuda
