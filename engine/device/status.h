// Outcomes of a device as statuses: not built is UNIMPLEMENTED, no memory RESOURCE_EXHAUSTED, and
// what failed UNAVAILABLE.
#ifndef MILLRACE_ENGINE_DEVICE_STATUS_H_
#define MILLRACE_ENGINE_DEVICE_STATUS_H_

#include "absl/status/status.h"
#include "kernels/device/outcome.h"

namespace millrace::engine {

absl::Status StatusOf(const kernels::device::Outcome& outcome);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_STATUS_H_
