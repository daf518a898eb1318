// The learning step in float.

#include "kernels/cuda/learn_kernels.h"

namespace millrace::kernels::cuda {

template Outcome AllowShared<float>(std::int64_t);
template Outcome RunLaunch(const device::Launch<float>&, Stream);

}  // namespace millrace::kernels::cuda
