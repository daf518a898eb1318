# Language standard, build types, output folders, compiler cache and linker.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Modules shared by every generator of compile commands: no C++20 module scan is wanted.
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Dev or Debug" FORCE)
endif()
# Dev keeps assertions and enough optimisation for the numeric tests to be quick.
set(CMAKE_CXX_FLAGS_DEV "-O1 -g" CACHE STRING "C++ flags of the build type Dev")
set(CMAKE_CUDA_FLAGS_DEV "-O1 -g" CACHE STRING "CUDA flags of the build type Dev")

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(MILLRACE_CCACHE ccache)
if(MILLRACE_CCACHE)
  # Paths relative to the sources, so that a second clone finds what the first one compiled.
  set(launcher "${CMAKE_COMMAND}" -E env
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      "${MILLRACE_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${launcher}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${launcher}")
endif()

# g++ knows -fuse-ld=mold from version 12 on.
find_program(MILLRACE_MOLD mold)
if(MILLRACE_MOLD AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
  add_link_options(-fuse-ld=mold)
endif()
