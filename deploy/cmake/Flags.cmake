# Compile flags as INTERFACE targets, linked PRIVATE by whoever wants them.
#
#   millrace_warnings  what our own code must compile without, as errors
#   millrace_numeric   the promises bit-reproducibility rests on: no contraction of a*b+c that the
#                      source does not write, on the host and on the device
# MILLRACE_SANITIZE (a list for -fsanitize=) applies to every target of the build.

set(MILLRACE_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread; empty for none")

add_library(millrace_warnings INTERFACE)
target_compile_options(millrace_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion -Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overflows in its own inlined std::string (GCC bugs 105329, 105651), and with
  # sanitizers uninitialised members of std::variant. Reported, but no errors.
  target_compile_options(millrace_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:
    -Wno-error=stringop-overflow -Wno-error=restrict -Wno-error=maybe-uninitialized>)
endif()

add_library(millrace_numeric INTERFACE)
set(host_numeric -ffp-contract=off -fno-math-errno -fno-trapping-math)
list(JOIN host_numeric "," host_numeric_of_nvcc)
target_compile_options(millrace_numeric INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:${host_numeric}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-fmad=false;-Xcompiler=${host_numeric_of_nvcc}>")

if(MILLRACE_SANITIZE)
  add_compile_options(
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${MILLRACE_SANITIZE}>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize-recover=all>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>)
  add_link_options(-fsanitize=${MILLRACE_SANITIZE})
endif()
