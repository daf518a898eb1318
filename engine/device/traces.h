// The traces of a rule as tables: which component has a trace for which gate, what it follows, and
// where it stands in the rule's state. As engine/rules/unit_traces.h has them.
#ifndef MILLRACE_ENGINE_DEVICE_TRACES_H_
#define MILLRACE_ENGINE_DEVICE_TRACES_H_

#include <cstdint>
#include <vector>

#include "engine/cells/structure.h"
#include "kernels/device/plan.h"

namespace millrace::engine {

// Appends to the tables, gate by gate; returns the numbers of state.
std::int64_t ListTraces(const Structure& structure, const std::vector<Pair>& coupling,
                        std::vector<kernels::device::TraceEntry>* entries,
                        std::vector<kernels::device::TraceSource>* sources,
                        std::vector<kernels::device::GateTraces>* gates);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_TRACES_H_
