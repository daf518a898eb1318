// What of the reference corresponds to what of the engine: list entries by name, the order of the
// weights, and a script's steps. A list entry without a correspondence is an error whose sentence
// says which file to extend.
#ifndef MILLRACE_TESTS_CONFORMANCE_CORRESPONDENCE_H_
#define MILLRACE_TESTS_CONFORMANCE_CORRESPONDENCE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "engine/snapshot.h"
#include "engine/stream.h"
#include "tests/conformance/script.h"
#include "tests/reference/online_stream.h"

namespace millrace::conformance {

// The reference's specification of a model; random matrices that belong to a stream come from
// `snapshot`. An entry of the engine's lists that the reference does not have is an error.
absl::StatusOr<reference::Specification> SpecificationOf(const engine::Model& model,
                                                         const engine::Snapshot& snapshot);

// The reference's layout of the weights: block by block the engine's own, which is checked.
reference::Layout LayoutOf(const engine::Stream& stream);

// Elements of a tensor as doubles. Ends the test program where there is none of the name.
reference::Vector TensorValues(const engine::Snapshot& snapshot, const std::string& name);
bool HasTensor(const engine::Snapshot& snapshot, const std::string& name);
// Overwrites a float64 tensor.
void SetTensor(const std::string& name, const reference::Vector& values,
               engine::Snapshot* snapshot);

std::optional<reference::Target> TargetOf(const Script& script, const ScriptStep& step);
// With the target, or as it is observed while its target is late.
reference::Observation ObservationOf(const Script& script, const ScriptStep& step,
                                     bool with_target);

// Largest |a - b| over a group, relative to the group's largest |b|; the worst of the groups.
double WorstRelativeDifference(const reference::Layout& layout, const reference::Vector& a,
                               const reference::Vector& b);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_CORRESPONDENCE_H_
