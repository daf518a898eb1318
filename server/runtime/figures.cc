// Figures for metrics, gathered when they are asked for.

#include <map>
#include <mutex>
#include <optional>

#include "engine/device/devices.h"
#include "server/runtime/impl.h"

namespace millrace::server {
namespace {

void AddStats(const v1::StreamStats& stats, ModelFigures* figures) {
  figures->steps += stats.applied_seq();
  figures->updates += stats.updates();
  figures->clipped_updates += stats.clipped_updates();
  figures->refused_updates += stats.refused_updates();
  figures->untargeted_steps += stats.untargeted_steps();
  figures->unlearned_targets += stats.unlearned_targets();
  figures->divergences += stats.divergences();
  figures->restores += stats.restores();
  figures->shifts += stats.shifts();
  figures->serving_shadow += stats.serving() == "shadow" ? 1 : 0;
  figures->frozen += stats.frozen() ? 1 : 0;
  figures->resumed_inexactly += stats.resumed_inexactly() ? 1 : 0;
  if (stats.has_live_loss()) {
    figures->live_loss += stats.live_loss();
    ++figures->with_live_loss;
  }
  if (stats.has_shadow_loss()) {
    figures->shadow_loss += stats.shadow_loss();
    figures->gain += stats.gain();
    ++figures->with_shadow_loss;
  }
  if (stats.has_recovery()) {
    figures->recovery += stats.recovery();
    ++figures->with_recovery;
  }
}

void AddBytes(const engine::StreamBytes& more, engine::StreamBytes* sums) {
  sums->weights += more.weights;
  sums->optimizer += more.optimizer;
  sums->sensitivities += more.sensitivities;
  sums->contexts += more.contexts;
  sums->shadow += more.shadow;
  sums->good_copy += more.good_copy;
  sums->window += more.window;
  sums->other += more.other;
}

// Sums into means.
void Divide(ModelFigures* figures) {
  const auto over = [](double* sum, std::int64_t count) {
    if (count > 0) *sum /= static_cast<double>(count);
  };
  over(&figures->live_loss, figures->with_live_loss);
  over(&figures->shadow_loss, figures->with_shadow_loss);
  over(&figures->gain, figures->with_shadow_loss);
  over(&figures->recovery, figures->with_recovery);
}

}  // namespace

absl::StatusOr<v1::StreamStats> RuntimeImpl::StatsNow(const std::string& stream) {
  const auto entry = FindStream(stream);
  if (!entry.ok()) return entry.status();
  const std::lock_guard turn((*entry)->turn_mutex);
  return keeper_.StatsOf(**entry);
}

RuntimeFigures RuntimeImpl::Figures(const EachStats& each) {
  std::map<std::string, ModelFigures> by_model;
  for (const v1::Model& model : table_.Models("", static_cast<std::size_t>(-1))) {
    by_model[model.name()].model = model.name();
  }
  RuntimeFigures figures;
  for (const EntryPtr& entry : table_.AllStreams()) {
    ModelFigures& sums = by_model[entry->model->name()];
    sums.model = entry->model->name();
    ++sums.streams;
    {
      const std::lock_guard turn(entry->turn_mutex);
      const v1::StreamStats stats = keeper_.StatsOf(*entry);
      AddStats(stats, &sums);
      if (each != nullptr) each(sums.model, stats);
      if (entry->body.stream != nullptr)
        AddBytes(entry->body.stream->BytesByKind(), &figures.memory);
      figures.journal_bytes += entry->body.journal_bytes;
    }
    const std::lock_guard face(entry->face_mutex);
    if (entry->face.applied_seq > entry->face.durable_seq) {
      sums.undurable_steps += entry->face.applied_seq - entry->face.durable_seq;
    }
    sums.resident += entry->face.resident_bytes > 0 ? 1 : 0;
    sums.quarantined += entry->face.damage.ok() ? 0 : 1;
  }
  for (auto& [name, sums] : by_model) {
    Divide(&sums);
    figures.models.push_back(sums);
  }
  figures.resident_bytes = residence_.bytes();
  figures.memory_limit_bytes = residence_.limit_bytes();
  figures.device = engine::DeviceUsage();
  figures.queued_parts = scheduler_.queued();
  figures.snapshot_bytes = store_->SnapshotBytes();
  if (const std::optional<CutLog>& cut = store_->cut(); cut.has_value()) {
    figures.lost_writes = cut->synced_sequence - cut->recovered_sequence;
  }
  figures.free_bytes = store_->headroom().FreeBytes();
  return figures;
}

}  // namespace millrace::server
