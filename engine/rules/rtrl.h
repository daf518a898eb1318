// Full real-time recurrent learning (Williams and Zipser 1989), in the form that the cell allows:
//   S = J S + P,   G = q S,   J = dstate/dstate', P = dstate/dtheta at a held state.
// Where no unit reaches another (Orvieto et al. 2023 and kin), one trace a weight and component; of
// retention (Sun et al. 2023), the rows that all sensitivities share; otherwise dense within the
// blocks of the cell's recurrent weights: O(C c K n) numbers and 2 c times as many operations a
// step, K being the rows of all gates.
#ifndef MILLRACE_ENGINE_RULES_RTRL_H_
#define MILLRACE_ENGINE_RULES_RTRL_H_

#include <memory>

#include "absl/status/status.h"
#include "engine/rules/rule.h"
#include "engine/spec.h"

namespace millrace::engine {

PartDescription DescribeRtrl();
absl::Status CheckRtrl(const PartSpec& cell, const Structure* structure, const PartSpec& rule);

// `part` is resolved; the cell must outlive the rule.
template <typename T>
std::unique_ptr<Rule<T>> MakeRtrl(const PartSpec& part, const Cell<T>& cell);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_RULES_RTRL_H_
