# limen_cuda: the same operations on CUDA devices. Built where nvcc is found, or as LIMEN_CUDA says; limen itself never needs it.
include_guard(GLOBAL)

set(LIMEN_CUDA AUTO CACHE STRING "CUDA kernels: ON, OFF, or AUTO (where nvcc is found)")
set_property(CACHE LIMEN_CUDA PROPERTY STRINGS AUTO ON OFF)
# Turing to Blackwell, and code that the driver translates for what comes after.
set(LIMEN_CUDA_ARCHITECTURES
    75-real 80-real 86-real 89-real 90-real 100-real 120-real 120-virtual
    CACHE STRING "Architectures that the CUDA kernels are compiled for, as in CMAKE_CUDA_ARCHITECTURES")

set(LIMEN_HAVE_CUDA OFF)
if(LIMEN_CUDA)
    find_program(LIMEN_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
    if(LIMEN_NVCC OR CMAKE_CUDA_COMPILER)
        set(LIMEN_HAVE_CUDA ON)
    elseif(NOT LIMEN_CUDA STREQUAL "AUTO")
        message(FATAL_ERROR
            "LIMEN_CUDA is ${LIMEN_CUDA}, but there is no nvcc in PATH, CUDA_HOME or /usr/local/cuda. "
            "Install the CUDA toolkit, or set CMAKE_CUDA_COMPILER, or LIMEN_CUDA=OFF.")
    else()
        message(STATUS "limen: no nvcc found, built without CUDA")
    endif()
endif()

if(LIMEN_HAVE_CUDA)
    if(NOT CMAKE_CUDA_COMPILER)
        set(CMAKE_CUDA_COMPILER "${LIMEN_NVCC}")
    endif()
    set(CMAKE_CUDA_ARCHITECTURES "${LIMEN_CUDA_ARCHITECTURES}")
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)

    add_library(limen_cuda
        cuda/src/combine.cu
        cuda/src/downsample.cu
        cuda/src/feature_distance.cu
        cuda/src/feature_gradient.cu
        cuda/src/feature_maps.cu
        cuda/src/fold.cu
        cuda/src/halve.cu
        cuda/src/l1_ssim.cu
        cuda/src/launch.cu
        cuda/src/means.cu
        cuda/src/ms_ssim.cu
        cuda/src/pixel_errors.cu
        cuda/src/plane_gradient.cu
        cuda/src/ssim.cu
        cuda/src/ssim_adjoint_tiles.cu
        cuda/src/ssim_calls.cu
        cuda/src/ssim_forward.cu
        cuda/src/ssim_gradient_sliding.cu
        cuda/src/ssim_sliding.cu
        cuda/src/ssim_tiles.cu
    )
    add_library(limen::cuda ALIAS limen_cuda)
    target_compile_options(limen_cuda PRIVATE -Xcompiler=-Wall,-Wextra,-Wshadow,-Wundef)
    if(LIMEN_WERROR)
        # A kernel that runs out of registers is an error too: spilled, it is slower than no kernel.
        target_compile_options(limen_cuda PRIVATE
            "SHELL:-Werror all-warnings" -Xcompiler=-Werror
            "SHELL:-Xptxas --warn-on-spills,--warn-on-local-memory-usage,--warning-as-error")
    endif()
    # CMake before 3.25.2 doesn't know that CUDA has C++20.
    if("cuda_std_20" IN_LIST CMAKE_CUDA_COMPILE_FEATURES)
        target_compile_features(limen_cuda PRIVATE cuda_std_20)
    else()
        target_compile_options(limen_cuda PRIVATE -std=c++20)
    endif()
    target_include_directories(limen_cuda
        PUBLIC
            "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/cuda/include>"
            "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
        PRIVATE cpp/src
    )
    target_link_libraries(limen_cuda PUBLIC limen PRIVATE CUDA::cudart_static)
    set_target_properties(limen_cuda PROPERTIES
        EXPORT_NAME cuda
        CUDA_RUNTIME_LIBRARY Static
        CUDA_EXTENSIONS OFF
        CUDA_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
        POSITION_INDEPENDENT_CODE ON
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    )
    if(BUILD_SHARED_LIBS)
        set_target_properties(limen_cuda PROPERTIES CUDA_VISIBILITY_PRESET default)
    endif()
endif()
