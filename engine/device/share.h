// A stream's part in events that are carried out beside those of other streams: the stream stages
// rows, the device takes the rows of all streams in one launch, the stream takes the results.
//
//   if (share->BeginRuns(event, want, &outcome)) {
//     while (share->StageRows()) {
//       ...share->RunWith({share, ...others of its kind...}, workers)...
//       share->TakeRows();
//     }
//   }
//
// Implemented by streams; driven by engine/together.h. Thread-compatible as the stream is: RunWith
// touches nothing that the stream's other readers see.
#ifndef MILLRACE_ENGINE_DEVICE_SHARE_H_
#define MILLRACE_ENGINE_DEVICE_SHARE_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/event.h"

namespace millrace::engine {

class Workers;

class DeviceShare {
 public:
  virtual ~DeviceShare() = default;

  // False where nothing of the event is for a launch; it was applied then. Else event, want and
  // outcome are kept until StageRows says that there is no more.
  virtual bool BeginRuns(const Event& event, const Want& want, Outcome* outcome) = 0;
  // The rows of the next run. False: there are none left, and the event is applied.
  virtual bool StageRows() = 0;
  virtual void TakeRows() = 0;

  // Shares of one kind have one plan and one device.
  virtual const void* kind() const = 0;
  // Runs what is staged of all shares, which are of this one's kind, this one among them.
  virtual absl::Status RunWith(absl::Span<DeviceShare* const> shares, Workers* workers) = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_SHARE_H_
