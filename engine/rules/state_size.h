// How much a rule may carry for one stream. Thread-safe: a pure function.
#ifndef MILLRACE_ENGINE_RULES_STATE_SIZE_H_
#define MILLRACE_ENGINE_RULES_STATE_SIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/spec.h"

namespace millrace::engine {

// 2^32 numbers, 16 GiB of float32: beyond it a slip in a setting would take the whole machine.
inline constexpr std::int64_t kMostRuleState = std::int64_t{1} << 32;

// BAD_SPEC where the rule carries more than kMostRuleState numbers a stream.
absl::Status CheckStateSize(const PartSpec& cell, const PartSpec& rule, std::int64_t numbers,
                            absl::string_view remedy);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_STATE_SIZE_H_
