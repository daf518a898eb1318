# header_check: every header of a layer compiles alone.
#
#   millrace_check_headers(LAYER TARGET)   headers under LAYER/, with TARGET's includes and flags
#
# One generated source a header, which includes it twice (the second time shows a missing guard),
# collected in an OBJECT library that is part of a build of everything. No precompiled header here.

add_custom_target(header_check)

function(millrace_check_headers LAYER TARGET)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
       "${PROJECT_SOURCE_DIR}/${LAYER}/*.h")
  list(FILTER headers EXCLUDE REGEX "^kernels/cuda/")
  if(NOT headers)
    return()
  endif()
  string(MAKE_C_IDENTIFIER "header_check_${LAYER}" check)
  set(sources)
  foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER "${header}" stem)
    set(source "${CMAKE_BINARY_DIR}/header_check/${stem}.cc")
    set(include "#include \"${header}\"\n")
    file(CONFIGURE OUTPUT "${source}" CONTENT "@include@@include@" @ONLY)
    list(APPEND sources "${source}")
  endforeach()
  add_library(${check} OBJECT ${sources})
  target_link_libraries(${check} PRIVATE ${TARGET} millrace_warnings)
  # Only the front end runs: nothing is optimised, and an object of an include is next to empty.
  target_compile_options(${check} PRIVATE -O0)
  add_dependencies(header_check ${check})
endfunction()
