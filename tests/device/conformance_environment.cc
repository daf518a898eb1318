// Makes the suites of tests/conformance run over models on a device that is the host.

#include <memory>

#include "tests/conformance/combinations.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

// Before main: the suites make their lists of combinations in it.
const bool kPlaced = [] {
  static HostDevice* const device = new HostDevice({.processors = 3});
  conformance::RunOn(engine::Device::kCuda);
  return device != nullptr;
}();

}  // namespace
}  // namespace millrace::device_testing
