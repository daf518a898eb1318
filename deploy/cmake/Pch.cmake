# Precompiled headers for what includes gRPC: its headers cost a second of every such file.
#
#   millrace_use_grpc_pch(TARGET)   TARGET links millrace_proto
#
# One precompiled header serves all targets, so they must agree in -D and -f flags; where one does
# not, g++ passes over it and only time is lost. A header that leans on the precompiled one for its
# includes is caught by header_check, which compiles every header alone.

option(MILLRACE_PCH "Use precompiled headers for targets that include gRPC" ON)

function(millrace_use_grpc_pch TARGET)
  if(NOT MILLRACE_PCH)
    return()
  endif()
  if(NOT TARGET millrace_grpc_pch)
    set(source "${CMAKE_BINARY_DIR}/grpc_pch.cc")
    file(CONFIGURE OUTPUT "${source}" CONTENT "// Carries the precompiled header, nothing else.\n")
    add_library(millrace_grpc_pch OBJECT "${source}")
    target_link_libraries(millrace_grpc_pch PRIVATE gRPC::grpc++ protobuf::libprotobuf)
    target_precompile_headers(millrace_grpc_pch PRIVATE
      <grpcpp/grpcpp.h> <google/protobuf/message.h>)
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM millrace_grpc_pch)
  set_target_properties(${TARGET} PROPERTIES PCH_WARN_INVALID OFF)
endfunction()
