// In which numbers rules with dense sensitivities multiply them and keep them: the setting
// `sensitivities` of rtrl and sparse_rtrl. With J the part of dstate/dstate' that goes through the
// recurrent weights, as the mask leaves it, and rest = carry S + P:
//   full    S <- J S + rest                      in the model's numbers
//   tf32x3  S <- Jh Sl + Jl Sh + Jh Sh + rest    x = xh + xl, both TF32 (10 bits of fraction)
//   tf32    S <- Jh Sh + rest
//   bf16    S <- bf16(J S + rest),  G = q (J S + rest)
// All but the rounding is float32. tf32x3 is as exact as float32 is, and is for matrix units: a GPU
// takes it in dense blocks of more than 8 units, elsewhere it is computed as full. tf32 is a part
// in 2^11 off in each factor. bf16 halves the state on a GPU and rounds it by a part in 2^8 a step;
// the gradient has the numbers before they are rounded. On the CPU and in snapshots S is float32
// memory holding rounded numbers, so a stream moves between devices without a loss.
//
// Rounding: kernels/math/rounding.h. Thread-safe: values and pure functions.
#ifndef MILLRACE_ENGINE_RULES_SENSITIVITY_NUMBERS_H_
#define MILLRACE_ENGINE_RULES_SENSITIVITY_NUMBERS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "engine/spec.h"

namespace millrace::engine {

enum class SensitivityNumbers { kFull, kTf32x3, kTf32, kBf16 };

SettingDescription DescribeSensitivityNumbers();

// Of a resolved rule that has the setting.
SensitivityNumbers SensitivityNumbersOf(const PartSpec& rule);

// BAD_SPEC where the rule asks for other than full numbers in a model whose numbers are wider.
absl::Status CheckSensitivityNumbers(const PartSpec& rule, NumberType type);
// BAD_SPEC where it does so of a cell whose sensitivities are not dense.
absl::Status CheckDenseSensitivities(const PartSpec& cell, const PartSpec& rule);

// values [count] become numbers of the kind; what the low parts are goes to rest [count] unless
// null.
void RoundToTf32(std::int64_t count, float* values, float* rest);
void RoundToBf16(std::int64_t count, float* values);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_SENSITIVITY_NUMBERS_H_
