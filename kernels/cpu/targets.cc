// Which instruction sets this processor has. Compiled for the baseline: it decides before use.

#include "kernels/cpu/targets.h"

#include <cstdlib>
#include <cstring>

namespace millrace::kernels::cpu {

template <>
bool Supports<Baseline>() {
  return true;
}

template <>
bool Supports<Avx2>() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  return false;
#endif
}

template <>
bool Supports<Avx512>() {
#if defined(__x86_64__)
  return Supports<Avx2>() && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0;
#else
  return false;
#endif
}

namespace {

bool Runs(Choice choice) {
  switch (choice) {
    case Choice::kAvx512:
      return Supports<Avx512>();
    case Choice::kAvx2:
      return Supports<Avx2>();
    case Choice::kBaseline:
      break;
  }
  return true;
}

Choice Choose() {
  constexpr Choice kWidestFirst[] = {Choice::kAvx512, Choice::kAvx2, Choice::kBaseline};
  const char* const wanted = std::getenv("MILLRACE_CPU");
  for (const Choice choice : kWidestFirst) {
    const bool taken = wanted == nullptr || std::strcmp(wanted, NameOf(choice)) == 0;
    if (taken && Runs(choice)) return choice;
  }
  // A name that is not known, or not to be had here.
  for (const Choice choice : kWidestFirst) {
    if (Runs(choice)) return choice;
  }
  return Choice::kBaseline;
}

}  // namespace

Choice Chosen() {
  static const Choice chosen = Choose();
  return chosen;
}

const char* NameOf(Choice choice) {
  switch (choice) {
    case Choice::kAvx512:
      return "avx512";
    case Choice::kAvx2:
      return "avx2";
    case Choice::kBaseline:
      break;
  }
  return "baseline";
}

bool IsFused(Choice choice) {
#if defined(__x86_64__)
  return choice != Choice::kBaseline;
#elif defined(__aarch64__)
  return choice == Choice::kBaseline;
#else
  return false;
#endif
}

}  // namespace millrace::kernels::cpu
