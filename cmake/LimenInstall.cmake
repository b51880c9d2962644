# The development files: library, headers, and what find_package(limen) reads.
include_guard(GLOBAL)
include(CMakePackageConfigHelpers)

set(limen_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/limen")

install(TARGETS limen EXPORT limenTargets COMPONENT development)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
if(LIMEN_HAVE_CUDA)
    install(TARGETS limen_cuda EXPORT limenTargets COMPONENT development)
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/cuda/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
endif()
install(EXPORT limenTargets NAMESPACE limen:: DESTINATION "${limen_config_dir}" COMPONENT development)

# A static library leaves its dependencies to whoever links it.
set(LIMEN_NEEDS_OPENMP OFF)
if(LIMEN_OPENMP AND OpenMP_CXX_FOUND AND NOT BUILD_SHARED_LIBS)
    set(LIMEN_NEEDS_OPENMP ON)
endif()
configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/limenConfig.cmake.in" "${PROJECT_BINARY_DIR}/limenConfig.cmake"
    INSTALL_DESTINATION "${limen_config_dir}"
    NO_SET_AND_CHECK_MACRO
)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/limenConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(
    FILES "${PROJECT_BINARY_DIR}/limenConfig.cmake" "${PROJECT_BINARY_DIR}/limenConfigVersion.cmake"
    DESTINATION "${limen_config_dir}"
    COMPONENT development
)
