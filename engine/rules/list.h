// The list of rules. A new rule: its own files, an entry here, a line in CMake.
#ifndef MILLRACE_ENGINE_RULES_LIST_H_
#define MILLRACE_ENGINE_RULES_LIST_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeRules();

// Whether the pair makes sense; where not, BAD_SPEC with why and what to use instead.
absl::Status CheckRule(absl::string_view cell, absl::string_view rule);

// `part` is resolved.
template <typename T>
std::unique_ptr<Rule<T>> MakeRule(const PartSpec& part);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_LIST_H_
