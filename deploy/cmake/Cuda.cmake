# The CUDA language, where a compiler for it is found.
#
# Looked for in this order: CUDACXX or CMAKE_CUDA_COMPILER if given, nvcc on PATH, /usr/local/cuda,
# the wheels in the virtual environment. Sets MILLRACE_CUDA; where it is OFF, kernels/ compiles its
# stub, which answers UNIMPLEMENTED and names this option.

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(MILLRACE_NVCC nvcc
    PATHS /usr/local/cuda/bin "${MILLRACE_SITE_PACKAGES}/nvidia/cu13/bin")
  if(MILLRACE_NVCC)
    set(CMAKE_CUDA_COMPILER "${MILLRACE_NVCC}")
  endif()
endif()

if(CMAKE_CUDA_COMPILER OR DEFINED ENV{CUDACXX})
  set(millrace_cuda_default ON)
else()
  set(millrace_cuda_default OFF)
endif()
option(MILLRACE_CUDA "Compile the CUDA kernels (needs nvcc)" ${millrace_cuda_default})

if(MILLRACE_CUDA)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80;90")
  endif()
  # Static, so that the programs start where there is neither driver nor toolkit.
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  # nvcc of the wheels looks for its runtime in lib64, where the wheels have lib.
  set(millrace_nvcc "${CMAKE_CUDA_COMPILER}")
  if(NOT millrace_nvcc)
    set(millrace_nvcc "$ENV{CUDACXX}")
  endif()
  cmake_path(SET millrace_cuda_lib NORMALIZE "${millrace_nvcc}/../../lib")
  if(EXISTS "${millrace_cuda_lib}/libcudart_static.a")
    link_directories("${millrace_cuda_lib}")
    set(ENV{LIBRARY_PATH} "${millrace_cuda_lib}:$ENV{LIBRARY_PATH}")  # for the compiler's own test
  endif()
  enable_language(CUDA)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12)
    message(FATAL_ERROR "nvcc is ${CMAKE_CUDA_COMPILER_VERSION} (${CMAKE_CUDA_COMPILER}); "
      "C++20 needs 12.0 or later. Name another in CUDACXX, or set -DMILLRACE_CUDA=OFF.")
  endif()
  # CMake 3.25 does not know yet that nvcc has C++20, and refuses it before it asks.
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  message(STATUS "CUDA kernels: ${CMAKE_CUDA_COMPILER} for ${CMAKE_CUDA_ARCHITECTURES}")
else()
  message(STATUS "CUDA kernels: not built (MILLRACE_CUDA is OFF or no nvcc was found)")
endif()
