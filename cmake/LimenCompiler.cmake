# What every target is compiled with, and which processor it is compiled for.
include_guard(GLOBAL)
include(CheckCXXSourceCompiles)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# Asks the compiler, not CMAKE_SYSTEM_PROCESSOR: that names the machine CMake runs on, which a cross compiler or an emulated
# userland makes another one.
check_cxx_source_compiles("
    #if !defined(__x86_64__)
    #error
    #endif
    int main() {}" LIMEN_TARGET_X86_64)
check_cxx_source_compiles("
    #if !defined(__aarch64__)
    #error
    #endif
    int main() {}" LIMEN_TARGET_AARCH64)

# The kernels are written in these extensions; the message is clearer than the errors that would follow.
check_cxx_source_compiles("
    typedef float Vec __attribute__((vector_size(16)));
    Vec reverse(Vec v) { return __builtin_shufflevector(v, v, 3, 2, 1, 0); }
    int main() {}" LIMEN_HAVE_VECTOR_EXTENSIONS)
if(NOT LIMEN_HAVE_VECTOR_EXTENSIONS)
    message(FATAL_ERROR
        "limen needs a C++20 compiler with vector extensions: GCC 12 or later, or Clang; "
        "found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}). "
        "Set the environment variable CXX to another compiler.")
endif()

function(limen_compile_options target)
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Wshadow -Wundef
        # CMake's own choice, -O2, leaves GCC's vectoriser nearly off.
        $<$<CONFIG:RelWithDebInfo>:-O3>
        # The same formula then rounds alike in every file that doesn't ask for contraction.
        -ffp-contract=off
    )
    if(LIMEN_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
    set_target_properties(${target} PROPERTIES
        CXX_STANDARD 20
        CXX_STANDARD_REQUIRED ON
        CXX_EXTENSIONS OFF
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
    )
endfunction()
