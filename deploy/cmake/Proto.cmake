# millrace_proto: C++ messages and gRPC stubs of the wire contract.
#
#   millrace_add_proto_library(TARGET DESCRIPTOR_SET FILE FILES a.proto ... [OTHERS b.proto ...])
#     OTHERS: protocols of others, in the library but not in the contract's descriptor set.
#   millrace_add_python_contract(a.proto ...)
#
# Generates into ${CMAKE_BINARY_DIR}/generated, which is the include root: "millrace/v1/x.pb.h",
# "google/rpc/status.pb.h". FILES are relative to proto/ and get gRPC stubs. The google/rpc messages
# come with the wheel googleapis-common-protos, since no distribution package ships their sources or
# headers; they are generated into the same library, once, so that nothing is registered twice.

set(MILLRACE_GENERATED_DIR "${CMAKE_BINARY_DIR}/generated")
set(MILLRACE_PROTO_DIR "${PROJECT_SOURCE_DIR}/proto")
set(MILLRACE_GOOGLE_RPC_PROTOS
    google/rpc/code.proto google/rpc/error_details.proto google/rpc/status.proto)

# python_contract: the same contract for the package of client/python, written where the package
# looks for it (in the sources, ignored by git), as its own build does.
function(millrace_add_python_contract)
  set(package "${PROJECT_SOURCE_DIR}/client/python")
  if(NOT EXISTS "${package}/setup.py")
    return()
  endif()
  set(contract ${ARGN})
  list(TRANSFORM contract PREPEND "${MILLRACE_PROTO_DIR}/")
  set(written "${package}/src/millrace/v1/__init__.py")
  add_custom_command(
    OUTPUT "${written}"
    COMMAND "${MILLRACE_PYTHON}" "${package}/setup.py" generate
    COMMAND "${CMAKE_COMMAND}" -E touch "${written}"
    DEPENDS ${contract} "${package}/setup.py"
    COMMENT "Generating the Python messages of the wire contract"
    VERBATIM)
  add_custom_target(python_contract ALL DEPENDS "${written}")
endfunction()

# Sets OUT to the generated sources of FILE, a path relative to the import folder ROOT.
function(millrace_generate_proto OUT ROOT FILE WITH_GRPC)
  string(REGEX REPLACE "\\.proto$" "" stem "${FILE}")
  set(outputs "${MILLRACE_GENERATED_DIR}/${stem}.pb.cc" "${MILLRACE_GENERATED_DIR}/${stem}.pb.h")
  set(arguments "--cpp_out=${MILLRACE_GENERATED_DIR}")
  if(WITH_GRPC)
    list(APPEND outputs "${MILLRACE_GENERATED_DIR}/${stem}.grpc.pb.cc"
                        "${MILLRACE_GENERATED_DIR}/${stem}.grpc.pb.h")
    list(APPEND arguments "--grpc_out=${MILLRACE_GENERATED_DIR}"
                          "--plugin=protoc-gen-grpc=${MILLRACE_GRPC_CPP_PLUGIN}")
  endif()
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND protobuf::protoc ${MILLRACE_PROTO_IMPORTS} ${arguments} "${FILE}"
    DEPENDS "${ROOT}/${FILE}" ${ARGN}
    COMMENT "Generating ${FILE}"
    VERBATIM)
  set(${OUT} ${outputs} PARENT_SCOPE)
endfunction()

function(millrace_add_proto_library TARGET)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "DESCRIPTOR_SET" "FILES;OTHERS")
  if(NOT EXISTS "${MILLRACE_SITE_PACKAGES}/google/rpc/status.proto")
    message(FATAL_ERROR "google/rpc/status.proto was not found in MILLRACE_VENV "
      "(${MILLRACE_VENV}); run ./dev setup, or set -DMILLRACE_BUILD_SERVER=OFF.")
  endif()
  file(MAKE_DIRECTORY "${MILLRACE_GENERATED_DIR}")
  set(MILLRACE_PROTO_IMPORTS
      "--proto_path=${MILLRACE_PROTO_DIR}" "--proto_path=${MILLRACE_SITE_PACKAGES}")

  set(contract ${ARG_FILES})
  list(TRANSFORM contract PREPEND "${MILLRACE_PROTO_DIR}/")
  set(sources)
  foreach(file IN LISTS MILLRACE_GOOGLE_RPC_PROTOS)
    millrace_generate_proto(generated "${MILLRACE_SITE_PACKAGES}" "${file}" OFF)
    list(APPEND sources ${generated})
  endforeach()
  foreach(file IN LISTS ARG_FILES)
    millrace_generate_proto(generated "${MILLRACE_PROTO_DIR}" "${file}" ON ${contract})
    list(APPEND sources ${generated})
  endforeach()
  foreach(file IN LISTS ARG_OTHERS)
    millrace_generate_proto(generated "${MILLRACE_PROTO_DIR}" "${file}" ON)
    list(APPEND sources ${generated})
  endforeach()

  add_custom_command(
    OUTPUT "${ARG_DESCRIPTOR_SET}"
    COMMAND protobuf::protoc ${MILLRACE_PROTO_IMPORTS} --include_imports --include_source_info
            "--descriptor_set_out=${ARG_DESCRIPTOR_SET}" ${ARG_FILES}
    DEPENDS ${contract}
    COMMENT "Writing the descriptor set of the wire contract"
    VERBATIM)
  add_custom_target(${TARGET}_descriptors ALL DEPENDS "${ARG_DESCRIPTOR_SET}")

  add_library(${TARGET} STATIC ${sources})
  target_include_directories(${TARGET} SYSTEM PUBLIC "${MILLRACE_GENERATED_DIR}")
  target_link_libraries(${TARGET} PUBLIC gRPC::grpc++ protobuf::libprotobuf)
  # Stubs only forward: optimising gRPC's templates in them doubles their compile time for nothing.
  set(stubs ${sources})
  list(FILTER stubs INCLUDE REGEX "\\.grpc\\.pb\\.cc$")
  set_source_files_properties(${stubs} PROPERTIES COMPILE_OPTIONS -O1)
endfunction()
