#include "engine/device/lost.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/device/status.h"

namespace millrace::engine {

void OrLost(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr,
               "the device failed, and with it the state of its streams is lost; the journal has "
               "it: %s\n",
               std::string(status.message()).c_str());
  std::abort();
}

void OrLost(const kernels::device::Outcome& outcome) {
  if (!outcome.ok()) OrLost(StatusOf(outcome));
}

}  // namespace millrace::engine
