// FlushDenormals: the control register of the vector unit, which every thread has of its own.

#include <cstdint>

#include "kernels/ops.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace millrace::kernels {

namespace {

#if defined(__x86_64__)

// MXCSR: results (bit 15) and operands (bit 6).
constexpr std::uint32_t kFlush = 0x8040;

std::uint32_t ReadControl() { return _mm_getcsr(); }
void WriteControl(std::uint32_t control) { _mm_setcsr(control); }

#elif defined(__aarch64__)

// FPCR.FZ (bit 24): results and operands; the upper half of the register is reserved.
constexpr std::uint32_t kFlush = 1u << 24;

std::uint32_t ReadControl() {
  std::uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  return static_cast<std::uint32_t>(control);
}
void WriteControl(std::uint32_t control) {
  asm volatile("msr fpcr, %0" : : "r"(static_cast<std::uint64_t>(control)));
}

#else
#error "FlushDenormals knows x86-64 and aarch64; add this processor's control register"
#endif

}  // namespace

FlushDenormals::FlushDenormals() : saved_(ReadControl()) { WriteControl(saved_ | kFlush); }

FlushDenormals::~FlushDenormals() { WriteControl(saved_); }

}  // namespace millrace::kernels
