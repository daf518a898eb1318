// Makes the suites of tests/conformance run over models on a device: one that is the host, or with
// MILLRACE_DEVICE=cuda the card. Where there is none the program ends with status 77.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "tests/conformance/combinations.h"
#include "tests/device/host_device.h"

namespace millrace::device_testing {
namespace {

constexpr int kSkipped = 77;

bool OnTheCard() {
  const char* const device = std::getenv("MILLRACE_DEVICE");
  return device != nullptr && std::string(device) == "cuda";
}

// Before main: the suites make their lists of combinations in it.
const bool kPlaced = [] {
  if (!OnTheCard()) {
    static HostDevice* const device = new HostDevice({.processors = 3});
    static_cast<void>(device);
  } else if (absl::Status card = engine::CheckDevice(engine::Device::kCuda); !card.ok()) {
    std::fprintf(stderr, "skipped: %s\n", card.ToString().c_str());
    std::exit(kSkipped);
  }
  conformance::RunOn(engine::Device::kCuda);
  return true;
}();

}  // namespace
}  // namespace millrace::device_testing
