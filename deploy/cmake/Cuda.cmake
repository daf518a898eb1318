# The CUDA language, where a compiler for it is found.
#
# Looked for in this order: CUDACXX or CMAKE_CUDA_COMPILER if given, nvcc on PATH, /usr/local/cuda,
# the wheels in the virtual environment. Sets MILLRACE_CUDA; where it is OFF, kernels/ compiles its
# stub, which answers UNIMPLEMENTED and names this option.

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(MILLRACE_NVCC nvcc
    HINTS /usr/local/cuda/bin "${MILLRACE_SITE_PACKAGES}/nvidia/cu13/bin")
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
  enable_language(CUDA)
  # Only now: the compiler test knows no dialects yet.
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  message(STATUS "CUDA kernels: ${CMAKE_CUDA_COMPILER} for ${CMAKE_CUDA_ARCHITECTURES}")
else()
  message(STATUS "CUDA kernels: not built (MILLRACE_CUDA is OFF or no nvcc was found)")
endif()
