#include "engine/rules/state_size.h"

#include "absl/strings/str_format.h"
#include "engine/errors.h"

namespace millrace::engine {

absl::Status CheckStateSize(const PartSpec& cell, const PartSpec& rule, std::int64_t numbers,
                            absl::string_view remedy) {
  if (numbers <= kMostRuleState) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("rule '%s' carries %d numbers a stream for cell '%s' of this size; "
                               "expected at most %d; %s",
                               rule.name, numbers, cell.name, kMostRuleState, remedy));
}

}  // namespace millrace::engine
