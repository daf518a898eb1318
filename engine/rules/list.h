// The list of rules. A new rule: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_RULES_LIST_H_
#define MILLRACE_ENGINE_RULES_LIST_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeRules();

// Whether the pair makes sense; where not, BAD_SPEC with why and what to use instead. Both parts
// are resolved; d inputs.
absl::Status CheckRule(const PartSpec& cell, std::int64_t inputs, const PartSpec& rule);

// `part` is resolved and fits the cell, which must outlive the rule. `seed` is the stream's.
template <typename T>
std::unique_ptr<Rule<T>> MakeRule(const PartSpec& part, const Cell<T>& cell, std::uint64_t seed);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_LIST_H_
