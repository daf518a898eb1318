// Events between the wire contract, the journal and the engine.
//
// An engine event views the message it was made from: the message must outlive it, unchanged.
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_CONVERT_EVENTS_H_
#define MILLRACE_SERVER_CONVERT_EVENTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/event.h"
#include "engine/model.h"
#include "engine/stream.h"
#include "millrace/v1/learn.pb.h"
#include "server/store/records.pb.h"

namespace millrace::server {

// An engine event and the pieces of it that the message does not hold as the engine wants them.
struct ViewedEvent {
  engine::Event event;
  std::vector<engine::TargetBlock> blocks;  // of late targets
};

// BAD_PART where a message says two things at once or has an unknown target source.
absl::Status ViewObserve(const v1::Observe& message, ViewedEvent* viewed);
absl::Status ViewLateTargets(const v1::LateTargets& message, ViewedEvent* viewed);
// Of a journal record. DATA_LOSS (QUARANTINED) where it has no body that this server knows.
absl::Status ViewRecord(const store::v1::JournalRecord& record, ViewedEvent* viewed);

// T of the message; rows that are not whole count as one (the engine refuses them).
std::uint64_t StepsOf(const v1::Observe& message, const engine::Model& model);

// Steps [from, from + steps) of a valid observation of more than `steps` steps, as an observation
// of its own.
v1::Observe SliceOf(const v1::Observe& message, const engine::Model& model, std::uint64_t from,
                    std::uint64_t steps);

engine::Want FromWire(const v1::Observe& message);
engine::Peek ViewPeek(const v1::PeekRequest& request);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONVERT_EVENTS_H_
