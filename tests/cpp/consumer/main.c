/* An application in C: SSIM of an image and a darker copy, its gradient, and an error told by status and message. */
#include <limen/limen.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { side = 176 };
static unsigned char bright[side * side], dark[side * side];
static float gradient[side * side], map[side * side];

static int failures = 0;

static void expect(int holds, const char* what) {
    if (holds) return;
    fprintf(stderr, "failed: %s (%s)\n", what, limen_last_error());
    failures++;
}

int main(void) {
    for (int i = 0; i < side * side; i++) {
        bright[i] = (unsigned char)(i % 251);
        dark[i] = bright[i] / 2;
    }
    const limen_image x = limen_planar(bright, LIMEN_UINT8, side, side, 1, 1);
    const limen_image y = limen_planar(dark, LIMEN_UINT8, side, side, 1, 1);
    double same = 0, darker = 0, scales = 0, again = 0, psnr = 0;
    expect(limen_ssim(&x, &x, 255, NULL, LIMEN_REDUCE_TO_IMAGE, &same, NULL) == LIMEN_OK, "SSIM");
    expect(limen_ssim(&x, &y, 255, NULL, LIMEN_REDUCE_TO_IMAGE, &darker, NULL) == LIMEN_OK, "SSIM of two");
    expect(limen_ms_ssim(&x, &y, 255, NULL, LIMEN_REDUCE_TO_IMAGE, &scales, NULL) == LIMEN_OK, "MS-SSIM");
    expect(limen_psnr(&x, &y, 255, LIMEN_REDUCE_TO_IMAGE, &psnr) == LIMEN_OK, "PSNR");
    expect(fabs(same - 1) < 1e-6 && darker > 0 && darker < 0.99 && scales > 0 && scales < 0.99, "scores");
    expect(psnr > 5 && psnr < 30, "a ratio");

    const limen_output grad = {gradient, LIMEN_FLOAT32, 1, 1, side, side, side * side, side * side, side, 1};
    expect(limen_ssim_gradient(&x, &y, 255, NULL, LIMEN_REDUCE_TO_IMAGE, &again, &grad, NULL, NULL, 1) == LIMEN_OK,
           "gradient");
    expect(fabs(again - darker) < 1e-6 && gradient[side * 20 + 20] != 0, "the same score, and slopes");

    limen_convention padded = limen_default_convention();
    padded.padding = LIMEN_PADDING_REFLECT;
    int64_t height = 0, width = 0;
    expect(limen_map_size(&padded, side, side, &height, &width) == LIMEN_OK && height == side && width == side, "size");
    const limen_output whole = {map, LIMEN_FLOAT32, 1, 1, side, side, side * side, side * side, side, 1};
    expect(limen_ssim(&x, &y, 255, &padded, LIMEN_REDUCE_TO_IMAGE, &again, &whole) == LIMEN_OK, "map");
    double sum = 0;
    for (int i = 0; i < side * side; i++) sum += map[i];
    expect(fabs(sum / (side * side) - again) < 1e-5, "the score is the mean of the map");

    /* (channel, position): orthogonal at both positions. */
    const float features[4] = {3, 0, 0, 5}, exchanged[4] = {0, 3, 5, 0};
    const limen_image f0 = limen_planar(features, LIMEN_FLOAT32, 1, 2, 2, 1);
    const limen_image f1 = limen_planar(exchanged, LIMEN_FLOAT32, 1, 2, 2, 1);
    double distance = 0;
    expect(limen_feature_distance(&f0, &f1, NULL, &distance, NULL, NULL) == LIMEN_OK && fabs(distance - 2) < 1e-6,
           "distance of features");
    expect(limen_feature_distance_gradient(&f0, &f1, NULL, NULL, NULL, NULL, NULL, NULL) == LIMEN_INVALID_ARGUMENT &&
               strstr(limen_last_error(), "state is a null pointer") != NULL,
           "no state");

    padded.padding = 17;
    expect(limen_ssim(&x, &y, 255, &padded, LIMEN_REDUCE_TO_IMAGE, &again, NULL) == LIMEN_INVALID_ARGUMENT &&
               strstr(limen_last_error(), "convention.padding must be from 0 to 4; got 17") != NULL,
           "a choice that is none");
    expect(limen_ssim(NULL, &y, 255, NULL, LIMEN_REDUCE_TO_IMAGE, &again, NULL) == LIMEN_INVALID_ARGUMENT &&
               strstr(limen_last_error(), "x is a null pointer") != NULL,
           "no image");
    const limen_image small = limen_planar(bright, LIMEN_UINT8, 4, 4, 1, 1);
    expect(limen_ssim(&small, &small, 255, NULL, LIMEN_REDUCE_TO_IMAGE, &again, NULL) == LIMEN_INVALID_ARGUMENT,
           "an image smaller than the window");
    expect(limen_set_implementation("abacus") == LIMEN_INVALID_ARGUMENT, "an unknown implementation");
    return failures != 0;
}
