# millrace::torch: LibTorch from the wheel in the virtual environment.
#
# An imported target of our own, since find_package(Torch) wants a CUDA toolkit, adds compute_50 to
# every nvcc command line and replaces protobuf::libprotobuf by a dummy. Rules that go with it:
#   - link it PRIVATE in engine/ and in tests; its headers carry protobuf 3.13, so no public header
#     of engine/ includes it, and server/ and client/ never see it;
#   - libtorch_cuda is never linked (its thread-local storage keeps the metrics server from starting
#     threads); it is loaded at run time when a CUDA device is asked for.
# Where the wheel is absent the target does not exist, and tests that list it are shown as skipped.

set(millrace_torch_dir "${MILLRACE_SITE_PACKAGES}/torch")
if(MILLRACE_SITE_PACKAGES AND EXISTS "${millrace_torch_dir}/lib/libtorch_cpu.so")
  add_library(millrace_c10 SHARED IMPORTED GLOBAL)
  set_target_properties(millrace_c10 PROPERTIES
    IMPORTED_LOCATION "${millrace_torch_dir}/lib/libc10.so")
  add_library(millrace::torch SHARED IMPORTED GLOBAL)
  set_target_properties(millrace::torch PROPERTIES
    IMPORTED_LOCATION "${millrace_torch_dir}/lib/libtorch_cpu.so"
    INTERFACE_LINK_LIBRARIES millrace_c10
    INTERFACE_INCLUDE_DIRECTORIES
    "${millrace_torch_dir}/include;${millrace_torch_dir}/include/torch/csrc/api/include")
  message(STATUS "LibTorch: found in the virtual environment")
else()
  message(STATUS "LibTorch: not found; run ./dev setup to have it")
endif()
