// What became of a call to a device.
#ifndef MILLRACE_KERNELS_DEVICE_OUTCOME_H_
#define MILLRACE_KERNELS_DEVICE_OUTCOME_H_

#include <string>

namespace millrace::kernels::device {

struct Outcome {
  enum class Code {
    kOk,
    kNotBuilt,     // configured without CUDA; the sentence names the option
    kDeviceError,  // the sentence names file, line, the call and the device's error
    kNoMemory,     // of the device; nothing was allocated
  };
  Code code = Code::kOk;
  std::string sentence;  // empty if ok

  bool ok() const { return code == Code::kOk; }
};

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_OUTCOME_H_
