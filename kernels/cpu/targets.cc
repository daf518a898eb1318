// Which instruction sets this processor has. Compiled for the baseline: it decides before use.

#include "kernels/cpu/targets.h"

namespace millrace::kernels::cpu {

template <>
bool Supports<Baseline>() {
  return true;
}

template <>
bool Supports<Avx2>() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace millrace::kernels::cpu
