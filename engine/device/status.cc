#include "engine/device/status.h"

#include "absl/strings/str_cat.h"
#include "engine/errors.h"

namespace millrace::engine {

absl::Status StatusOf(const kernels::device::Outcome& outcome) {
  using Code = kernels::device::Outcome::Code;
  switch (outcome.code) {
    case Code::kOk:
      return absl::OkStatus();
    case Code::kNotBuilt:
      return Error(absl::StatusCode::kUnimplemented, kNotCarriedOut,
                   absl::StrCat("device is CUDA; ", outcome.sentence, ", or leave the device out"));
    case Code::kNoMemory:
      return Error(absl::StatusCode::kResourceExhausted, kDeviceMemory, outcome.sentence);
    case Code::kDeviceError:
      break;
  }
  return Error(absl::StatusCode::kUnavailable, kDeviceFailed, outcome.sentence);
}

}  // namespace millrace::engine
