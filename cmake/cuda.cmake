# The CUDA backend.
#
#   EZNAS_CUDA                AUTO (where nvcc is found), ON (an error without it) or OFF (while the addon has no entry to it)
#   EZNAS_CUDA_ARCHITECTURES  as CMAKE_CUDA_ARCHITECTURES; by default, for a build that stays on this machine, those of
#                             its GPUs, or without one H100 code and PTX from which drivers make code for newer GPUs
#   EZNAS_CUDA_SHIM           also build the backend for the host shim of test/shim: eznas_shim.node and the native tests
#
# Sets EZNAS_CUDA_TARGET to the library to link, or to nothing.
set(EZNAS_CUDA OFF CACHE STRING "Build the CUDA backend: AUTO, ON or OFF")
option(EZNAS_CUDA_SHIM "Build the CUDA backend for the host execution shim, with its tests" OFF)
set(EZNAS_CUDA_TARGET "")

file(GLOB CUDA_KERNELS CONFIGURE_DEPENDS kernels/cuda/*.cu)
file(GLOB CUDA_SOURCES CONFIGURE_DEPENDS native/cuda/*.cpp)

if(EZNAS_CUDA)
  include(CheckLanguage)
  # CMake's own default is older than what CUDA 13 knows.
  if(NOT EZNAS_CUDA_ARCHITECTURES AND DEFINED ENV{EZNAS_CUDA_ARCHITECTURES})
    set(EZNAS_CUDA_ARCHITECTURES "$ENV{EZNAS_CUDA_ARCHITECTURES}")
  endif()
  if(NOT EZNAS_CUDA_ARCHITECTURES)
    if(EXISTS /proc/driver/nvidia/version)
      set(EZNAS_CUDA_ARCHITECTURES native)
    else()
      set(EZNAS_CUDA_ARCHITECTURES 90)
    endif()
  endif()
  set(CMAKE_CUDA_ARCHITECTURES "${EZNAS_CUDA_ARCHITECTURES}")
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit 13 REQUIRED)
    # CMake 3.25 does not know that nvcc has C++20, the standard that CUDA sources get from CMAKE_CXX_STANDARD.
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_FLAGS_RELEASE "-O3")
    # Random numbers must agree bit for bit with the CPU's: no fused multiply-add may be formed there.
    set_source_files_properties(kernels/cuda/random.cu PROPERTIES COMPILE_OPTIONS "--fmad=false")
    add_library(eznas_cuda STATIC ${CUDA_KERNELS} ${CUDA_SOURCES})
    target_compile_options(eznas_cuda PUBLIC
      $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Wall,-Wextra,-Wshadow,-Werror;-lineinfo>)
    target_compile_definitions(eznas_cuda PUBLIC EZNAS_CUDA_BACKEND)
    set_target_properties(eznas_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Static)
    target_link_libraries(eznas_cuda PUBLIC eznas_core CUDA::cudart_static)
    set(EZNAS_CUDA_TARGET eznas_cuda)
  elseif(EZNAS_CUDA STREQUAL "ON")
    message(FATAL_ERROR "EZNAS_CUDA=ON, but there is no nvcc: install the CUDA toolkit (13 or newer) or set CUDACXX")
  else()
    message(STATUS "No nvcc: building without the CUDA backend")
  endif()
endif()

if(EZNAS_CUDA_SHIM)
  add_subdirectory(test/shim)
endif()
