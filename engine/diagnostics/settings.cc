#include "engine/diagnostics/settings.h"

#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "engine/cells/list.h"
#include "engine/errors.h"
#include "engine/input.h"
#include "engine/rules/list.h"

namespace millrace::engine {
namespace {

absl::Status Refused(absl::string_view sentence) {
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec, sentence);
}

}  // namespace

PartSpec ExactRule() { return {"rtrl", {{"sensitivities", std::string("full")}}}; }

std::vector<SettingDescription> DiagnosticsSettings() {
  return {
      {.name = "diagnostics_every",
       .type = SettingType::kInteger,
       .unit = "updates",
       .minimum = 0,
       .maximum = 1e15,
       .default_value = std::int64_t{0},
       .sentence = "Look at the gradient at every so many-th update; 0: never. What is learned "
                   "does not change.",
       .changeable = true},
      {.name = "exact_cosine",
       .type = SettingType::kFlag,
       .default_value = false,
       .sentence = "With diagnostics_every: an exact rule runs beside the stream's own at every "
                   "step, and the two gradients are compared."}};
}

absl::Status CheckDiagnostics(const ModelSpec& resolved) {
  if (!resolved.monitor.Flag("exact_cosine")) return absl::OkStatus();
  if (resolved.rule.name == "frozen") {
    return Refused(
        "setting 'exact_cosine' of monitor 'standard' is set and the rule is 'frozen', which has "
        "no gradient to compare; leave exact_cosine out, or use a rule that learns");
  }
  const std::int64_t inputs = InputStage(resolved.input).width();
  const PartSpec exact = ExactRule();
  absl::Status fits = CheckRule(resolved.cell, inputs, exact);
  if (!fits.ok()) return fits;
  const std::unique_ptr<Cell<float>> cell = MakeCell<float>(resolved.cell, inputs);
  const std::int64_t number = resolved.number_type == NumberType::kFloat64 ? 8 : 4;
  const std::int64_t bytes = MakeRule<float>(exact, *cell, 0)->StateSize() * number;
  if (bytes <= kMostExactBytes) return absl::OkStatus();
  return Refused(
      absl::StrFormat("setting 'exact_cosine' of monitor 'standard' is set; the exact rule of cell "
                      "'%s' takes %d bytes a stream beside the stream's own; expected at most %d; "
                      "leave it out, or compare at fewer units",
                      resolved.cell.name, bytes, kMostExactBytes));
}

}  // namespace millrace::engine
