/// limen: perceptual image metrics.
///
/// Functions take views over the caller's memory and option structs with defaults, print nothing, and throw std::invalid_argument
/// on misuse. They may be called from any number of threads at once.
#pragma once

#include <limen/convention.hpp>
#include <limen/feature_distance.hpp>
#include <limen/image.hpp>
#include <limen/ms_ssim.hpp>
#include <limen/pixel_errors.hpp>
#include <limen/runtime.hpp>
#include <limen/ssim.hpp>
