// Cutting observations: to the stream's window before they are sent, and to what is still missing
// when a part was applied before the call broke.
//
// Thread-safe: pure functions. Cost: a copy of the rows kept.
#ifndef MILLRACE_CLIENT_CPP_SLICING_H_
#define MILLRACE_CLIENT_CPP_SLICING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "client/cpp/operation.h"

namespace millrace::client {

// What can be said of an observation before the server sees it: some input, as many rows as steps,
// offsets inside. INVALID_ARGUMENT (BAD_PART) with a sentence that names `stream`.
absl::Status CheckObservation(const Observation& observation, const std::string& stream);

// Steps [from, from + count) of a checked observation of T steps. first_seq moves with it; offsets
// of resets and score-only steps move or fall away; targets follow their steps.
Observation Slice(const Observation& observation, std::uint32_t from, std::uint32_t count);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_SLICING_H_
