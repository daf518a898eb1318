# Precompiled headers for what includes gRPC: its headers are most of such a file's compile time.
#
#   millrace_use_grpc_pch(TARGET)   TARGET links millrace_proto
#
# A header that relies on the precompiled one for its includes is caught by header_check, which
# compiles every header alone.

option(MILLRACE_PCH "Use precompiled headers for targets that include gRPC" ON)

function(millrace_use_grpc_pch TARGET)
  if(MILLRACE_PCH)
    target_precompile_headers(${TARGET} PRIVATE <grpcpp/grpcpp.h> <google/protobuf/message.h>)
  endif()
endfunction()
