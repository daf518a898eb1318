// What becomes of a device's failure while an accepted event is carried out: the state that was on
// it is lost, and the event must be applied. The process ends with the sentence, and the one that
// comes after it replays the journal from the last snapshot.
#ifndef MILLRACE_ENGINE_DEVICE_LOST_H_
#define MILLRACE_ENGINE_DEVICE_LOST_H_

#include "absl/status/status.h"
#include "kernels/device/outcome.h"

namespace millrace::engine {

// Returns where the status is OK.
void OrLost(const absl::Status& status);
void OrLost(const kernels::device::Outcome& outcome);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_LOST_H_
