// The learning step in double.

#include "kernels/cuda/learn_kernels.h"

namespace millrace::kernels::cuda {

template Outcome AllowShared<double>(std::int64_t);
template Outcome RunLaunch(const device::Launch<double>&, Stream);

}  // namespace millrace::kernels::cuda
