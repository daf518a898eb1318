// Turns of streams that learn on a device: a launch costs as much for one as for many, so the next
// pieces of all of a batch are applied together before each turn does the rest.

#include <algorithm>
#include <mutex>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "engine/check.h"
#include "engine/device/devices.h"
#include "engine/together.h"
#include "server/runtime/turn.h"

namespace millrace::server {
namespace {

bool MayGoAhead(const Turn& turn) {
  if (!turn.status.ok() || !std::holds_alternative<PartWork>(turn.work)) return false;
  if (turn.applied_pieces == turn.pieces.size()) return false;
  return turn.pieces[turn.applied_pieces].has_observe() &&
         engine::AppliesTogether(*turn.entry->body.stream);
}

}  // namespace

absl::Status Turns::CheckDevice(const Entry& entry) {
  if (entry.model->spec().device == engine::Device::kCpu) return absl::OkStatus();
  return engine::DeviceHealth();
}

void Turns::ApplyAhead(absl::Span<const std::shared_ptr<Turn>> turns, engine::Workers* workers) {
  std::vector<Turn*> chosen;
  for (const auto& turn : turns) {
    if (MayGoAhead(*turn)) chosen.push_back(turn.get());
  }
  if (chosen.size() < 2) return;
  const absl::Time begin = absl::Now();
  std::vector<ViewedEvent> viewed(chosen.size());
  std::vector<engine::Application> applications;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    Turn& turn = *chosen[i];
    Entry& entry = *turn.entry;
    const absl::Status status = ViewRecord(turn.pieces[turn.applied_pieces], &viewed[i]);
    MILLRACE_CHECK(status.ok());
    turn.ahead = {entry.body.stream->applied_seq(), begin, {}};
    applications.push_back(
        {entry.body.stream.get(), &viewed[i].event, turn.want, &turn.outcome, &entry.turn_mutex});
  }
  engine::ApplyTogether(applications, workers);
  const absl::Duration share = (absl::Now() - begin) / static_cast<double>(chosen.size());
  for (Turn* const turn : chosen) turn->ahead->share = share;
}

}  // namespace millrace::server
