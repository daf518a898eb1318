// kernels/cuda/ where CUDA was not built: every entry point says so, and nothing else happens.

#include <cstdint>
#include <memory>

#include "kernels/cuda/backend.h"
#include "kernels/cuda/batch.h"
#include "kernels/cuda/device.h"
#include "kernels/steps/list.h"

namespace millrace::kernels::cuda {

namespace {

Outcome NotBuilt() {
  return {Outcome::Code::kNotBuilt,
          "CUDA kernels were not built: configure with -DMILLRACE_CUDA=ON"};
}

}  // namespace

Outcome CountDevices(int* count) {
  *count = 0;
  return NotBuilt();
}

Outcome Allocate(std::int64_t, void**) { return NotBuilt(); }
Outcome Free(void*) { return NotBuilt(); }
Outcome CopyToDevice(const void*, std::int64_t, Stream, void*) { return NotBuilt(); }
Outcome CopyToHost(const void*, std::int64_t, Stream, void*) { return NotBuilt(); }
Outcome Wait(Stream) { return NotBuilt(); }

Outcome OpenBackend(int, std::unique_ptr<device::Backend>*) { return NotBuilt(); }

template <typename Step>
Outcome RunBatch(const Step*, std::int64_t, Stream) {
  return NotBuilt();
}

#define MILLRACE_INSTANTIATE(Name)                                            \
  template Outcome RunBatch(const steps::Name<float>*, std::int64_t, Stream); \
  template Outcome RunBatch(const steps::Name<double>*, std::int64_t, Stream);

MILLRACE_FOR_EACH_STEP(MILLRACE_INSTANTIATE)

#undef MILLRACE_INSTANTIATE

}  // namespace millrace::kernels::cuda
