#include "engine/rules/sensitivity_numbers.h"

#include <string>

#include "absl/strings/str_format.h"
#include "engine/check.h"
#include "engine/errors.h"
#include "kernels/math/rounding.h"

namespace millrace::engine {
namespace {

constexpr char kSetting[] = "sensitivities";

absl::Status BadSpec(absl::string_view sentence) {
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec, sentence);
}

bool Full(const PartSpec& rule) {
  return rule.settings.find(kSetting) == rule.settings.end() || rule.Text(kSetting) == "full";
}

}  // namespace

SettingDescription DescribeSensitivityNumbers() {
  return {.name = kSetting,
          .type = SettingType::kText,
          .choices = {"full", "tf32x3", "tf32", "bf16"},
          .default_value = std::string("full"),
          .sentence =
              "The numbers of dense sensitivities: the model's own; float32 products by "
              "three products of TF32, as exact and faster on a GPU; products of TF32, 10 "
              "bits of fraction; or kept in bfloat16, 7 bits and half the memory of a GPU. "
              "All but full need number type float32.",
          .later = true};
}

SensitivityNumbers SensitivityNumbersOf(const PartSpec& rule) {
  const std::string& numbers = rule.Text(kSetting);
  if (numbers == "tf32x3") return SensitivityNumbers::kTf32x3;
  if (numbers == "tf32") return SensitivityNumbers::kTf32;
  if (numbers == "bf16") return SensitivityNumbers::kBf16;
  MILLRACE_CHECK(numbers == "full");
  return SensitivityNumbers::kFull;
}

absl::Status CheckSensitivityNumbers(const PartSpec& rule, NumberType type) {
  if (Full(rule) || type == NumberType::kFloat32) return absl::OkStatus();
  return BadSpec(absl::StrFormat(
      "setting 'sensitivities' of rule '%s' is '%s'; expected 'full', since the model's number "
      "type is float64; leave it out, or use float32",
      rule.name, rule.Text(kSetting)));
}

absl::Status CheckDenseSensitivities(const PartSpec& cell, const PartSpec& rule) {
  if (Full(rule)) return absl::OkStatus();
  return BadSpec(absl::StrFormat(
      "setting 'sensitivities' of rule '%s' is '%s'; expected 'full', since what it keeps of cell "
      "'%s' is no larger than the weights; leave it out",
      rule.name, rule.Text(kSetting), cell.name));
}

void RoundToTf32(std::int64_t count, float* values, float* rest) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float whole = values[i];
    values[i] = kernels::RoundToTf32(whole);
    if (rest != nullptr) rest[i] = whole - values[i];
  }
}

void RoundToBf16(std::int64_t count, float* values) {
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = kernels::WidenBf16(kernels::RoundToBf16(values[i]));
  }
}

}  // namespace millrace::engine
