/* limen as a C interface, for other languages. It says what limen.hpp says, in plain structs; semantics are described there.
 *
 * Every function returns 0, or a limen_status above 0 and leaves a message that names the argument and the value found for
 * limen_last_error(). Nothing is printed, nothing is kept of what the caller passes, and any thread may call at any time. */
#ifndef LIMEN_LIMEN_H
#define LIMEN_LIMEN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIMEN_MAX_SCALES 8

typedef enum {
    LIMEN_OK = 0,
    LIMEN_INVALID_ARGUMENT = 1,
    LIMEN_OUT_OF_MEMORY = 2,
    LIMEN_ERROR = 3 /* anything else */
} limen_status;

/* Choices are int32_t in the structs below, whatever size a compiler gives an enum. */
enum { LIMEN_UINT8, LIMEN_UINT16, LIMEN_FLOAT16, LIMEN_BFLOAT16, LIMEN_FLOAT32, LIMEN_FLOAT64 };
enum { LIMEN_WINDOW_GAUSSIAN, LIMEN_WINDOW_UNIFORM };
enum {
    LIMEN_PADDING_VALID,
    LIMEN_PADDING_ZERO,
    LIMEN_PADDING_REFLECT,
    LIMEN_PADDING_SYMMETRIC,
    LIMEN_PADDING_REPLICATE
};
enum { LIMEN_COVARIANCE_POPULATION, LIMEN_COVARIANCE_SAMPLE };
enum {
    LIMEN_DOWNSAMPLE_SYMMETRIC,
    LIMEN_DOWNSAMPLE_ZERO,
    LIMEN_DOWNSAMPLE_REPLICATE,
    LIMEN_DOWNSAMPLE_FLOOR,
    LIMEN_DOWNSAMPLE_NONE
};
enum { LIMEN_NEGATIVE_CLAMP, LIMEN_NEGATIVE_SIGNED };
enum { LIMEN_CHANNELS_SEPARATE, LIMEN_CHANNELS_JOINT };
enum { LIMEN_REDUCE_TO_IMAGE, LIMEN_REDUCE_TO_CHANNELS };

/* A batch of images in the caller's memory; strides are in elements and may be negative or zero. */
typedef struct {
    const void* data;
    int32_t dtype;
    int64_t batch, channels, height, width;
    int64_t batch_stride, channel_stride, row_stride, column_stride;
} limen_image;

/* The same over memory that a function fills. */
typedef struct {
    void* data;
    int32_t dtype;
    int64_t batch, channels, height, width;
    int64_t batch_stride, channel_stride, row_stride, column_stride;
} limen_output;

/* What implementations of SSIM differ in: limen::Convention. */
typedef struct {
    int32_t window, size;
    double sigma, k1, k2;
    int32_t padding, covariance;
    double epsilon;
    int32_t auto_downsample;
    int32_t downsample, negative, channels, crop_contrast;
    int32_t scales;
    double weights[LIMEN_MAX_SCALES];
} limen_convention;

/* Wang's, where a function is given no convention. */
limen_convention limen_default_convention(void);

/* Contiguous (batch, channels, height, width), and (batch, height, width, channels). */
limen_image limen_planar(const void* data, int32_t dtype, int64_t height, int64_t width, int64_t channels,
                         int64_t batch);
limen_image limen_interleaved(const void* data, int32_t dtype, int64_t height, int64_t width, int64_t channels,
                              int64_t batch);

/* `scores`: one number an image (LIMEN_REDUCE_TO_IMAGE), or one a channel. `convention`, `map`, `scales`, `weights` and one of the
 * gradients may be null. */
limen_status limen_ssim(const limen_image* x, const limen_image* y, double data_range,
                        const limen_convention* convention, int32_t reduction, double* scores, const limen_output* map);
limen_status limen_ssim_gradient(const limen_image* x, const limen_image* y, double data_range,
                                 const limen_convention* convention, int32_t reduction, double* scores,
                                 const limen_output* grad_x, const limen_output* grad_y, const limen_image* weights,
                                 double factor);
limen_status limen_ms_ssim(const limen_image* x, const limen_image* y, double data_range,
                           const limen_convention* convention, int32_t reduction, double* scores, double* scales);
limen_status limen_ms_ssim_gradient(const limen_image* x, const limen_image* y, double data_range,
                                    const limen_convention* convention, int32_t reduction, double* scores,
                                    const limen_output* grad_x, const limen_output* grad_y, double factor);
limen_status limen_mse(const limen_image* x, const limen_image* y, int32_t reduction, double* scores);
limen_status limen_mae(const limen_image* x, const limen_image* y, int32_t reduction, double* scores);
limen_status limen_psnr(const limen_image* x, const limen_image* y, double data_range, int32_t reduction,
                        double* scores);

/* The distance of features: one layer of LPIPS. `weight` (one number a channel), `map`, `state` and every gradient may be null;
 * `state` has LIMEN_FEATURE_STATE_SIZE channels and goes from the first function to the second. */
#define LIMEN_FEATURE_STATE_SIZE 6
limen_status limen_feature_distance(const limen_image* f0, const limen_image* f1, const double* weight, double* scores,
                                    const limen_output* map, const limen_output* state);
limen_status limen_feature_distance_gradient(const limen_image* f0, const limen_image* f1, const double* weight,
                                             const limen_image* state, const limen_image* upstream,
                                             const limen_output* grad_f0, const limen_output* grad_f1,
                                             double* grad_weight);

/* Height and width of the map that limen_ssim() fills. */
limen_status limen_map_size(const limen_convention* convention, int64_t height, int64_t width, int64_t* map_height,
                            int64_t* map_width);

/* "auto", or a name such as "avx2"; see limen::set_implementation. */
limen_status limen_set_implementation(const char* name);
limen_status limen_set_num_threads(int32_t count);
int32_t limen_num_threads(void);

/* Of this thread's last call that failed; empty before. Valid until its next. */
const char* limen_last_error(void);
const char* limen_version(void);

#ifdef __cplusplus
}
#endif

#endif
