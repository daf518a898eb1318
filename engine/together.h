// Events of many streams, applied side by side.
//
// As if each were applied by itself, in any order and to the last bit. Streams whose steps are
// taken on a device go there together, in one launch a model for as many rows as may be taken
// before the first of them is scored; the others are applied as jobs of the workers.
//
//   std::vector<Application> batch = {{stream.get(), &event, want, &outcome}, ...};
//   ApplyTogether(batch, &workers);
//
// Cost: two passes of the workers over the streams for each launch.
#ifndef MILLRACE_ENGINE_TOGETHER_H_
#define MILLRACE_ENGINE_TOGETHER_H_

#include <mutex>

#include "absl/types/span.h"
#include "engine/event.h"
#include "engine/stream.h"
#include "engine/workers.h"

namespace millrace::engine {

// An event that Stream::Check has accepted. No two of a batch are of one stream.
struct Application {
  Stream* stream;
  const Event* event;
  Want want;
  Outcome* outcome;
  // Held while the stream is in use, but not during a launch; null where nobody else looks at it.
  std::mutex* lock = nullptr;
};

// Whether the stream's observations gain from being applied beside those of others.
bool AppliesTogether(const Stream& stream);

// Whoever calls it is the workers' one caller.
void ApplyTogether(absl::Span<const Application> applications, Workers* workers);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_TOGETHER_H_
