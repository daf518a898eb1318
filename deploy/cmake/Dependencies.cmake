# Libraries of the distribution. Nothing here is downloaded; ./dev setup installs the packages.

find_package(Threads REQUIRED)
find_package(absl REQUIRED CONFIG)
find_package(hwy REQUIRED CONFIG)

if(MILLRACE_BUILD_SERVER)
  find_package(Protobuf REQUIRED MODULE)
  find_package(gRPC REQUIRED CONFIG)
  find_package(RocksDB REQUIRED CONFIG)
  find_package(prometheus-cpp REQUIRED CONFIG)
  find_package(civetweb REQUIRED CONFIG)
  find_package(CLI11 REQUIRED CONFIG)
  find_package(OpenSSL REQUIRED)
  find_program(MILLRACE_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
endif()

if(MILLRACE_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED CONFIG)
endif()
