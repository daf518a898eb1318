#include "engine/together.h"

#include <algorithm>
#include <map>
#include <vector>

#include "engine/device/lost.h"
#include "engine/device/share.h"

namespace millrace::engine {
namespace {

// Streams of one job: what staging a row costs, beside what it costs to hand a job over.
constexpr std::size_t kStreamsOfAJob = 16;

using OptionalLock = std::unique_lock<std::mutex>;

OptionalLock LockOf(const Application& application) {
  return application.lock == nullptr ? OptionalLock() : OptionalLock(*application.lock);
}

// Null where the event is applied.
DeviceShare* Begun(const Application& application) {
  const OptionalLock lock = LockOf(application);
  DeviceShare* const share = application.stream->share();
  if (share == nullptr) {
    application.stream->Apply(*application.event, application.want, application.outcome);
    return nullptr;
  }
  const bool staged = share->BeginRuns(*application.event, application.want, application.outcome) &&
                      share->StageRows();
  return staged ? share : nullptr;
}

// Runs what is staged, a launch or a few for every kind. Null shares have nothing staged.
void Run(absl::Span<DeviceShare* const> shares, Workers* workers) {
  std::map<const void*, std::vector<DeviceShare*>> kinds;
  for (DeviceShare* const share : shares) {
    if (share != nullptr) kinds[share->kind()].push_back(share);
  }
  for (const auto& [kind, of_kind] : kinds) OrLost(of_kind.front()->RunWith(of_kind, workers));
}

}  // namespace

bool AppliesTogether(const Stream& stream) {
  // The share is asked for no more than whether it is there.
  return const_cast<Stream&>(stream).share() != nullptr;
}

void ApplyTogether(absl::Span<const Application> applications, Workers* workers) {
  std::vector<DeviceShare*> shares(applications.size());
  ForEach(shares.size(), kStreamsOfAJob, workers,
          [&](std::size_t i) { shares[i] = Begun(applications[i]); });
  const auto goes_on = [](const DeviceShare* share) { return share != nullptr; };
  while (std::any_of(shares.begin(), shares.end(), goes_on)) {
    Run(shares, workers);
    ForEach(shares.size(), kStreamsOfAJob, workers, [&](std::size_t i) {
      if (shares[i] == nullptr) return;
      const OptionalLock lock = LockOf(applications[i]);
      shares[i]->TakeRows();
      if (!shares[i]->StageRows()) shares[i] = nullptr;
    });
  }
}

}  // namespace millrace::engine
