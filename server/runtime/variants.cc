#include "server/runtime/variants.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/errors.h"
#include "server/convert/events.h"
#include "server/convert/spec.h"
#include "server/runtime/faults.h"

namespace millrace::server {
namespace {

using store::v1::JournalRecord;

// Shares of one turn of a variant: about a millisecond, as the parent's own turns.
constexpr std::size_t kSharesATurn = 2;
constexpr char kEventTensor[] = "stream.event";

// What the parent's writer does, as against what its operator does.
bool IsOfDataPlane(const JournalRecord& record) {
  return record.has_observe() || record.has_late_targets() || record.has_settle() ||
         record.has_reset();
}

Tally TallyOf(const engine::Stream& stream) {
  const engine::StreamStats stats = stream.Stats();
  return {.units = stats.scored_units,
          .steps = stats.scored_steps,
          .loss_sum = stats.mean_loss.value_or(0) * static_cast<double>(stats.scored_units)};
}

}  // namespace

absl::Status IsVariant(const std::string& id, const std::string& parent) {
  return engine::Error(
      absl::StatusCode::kFailedPrecondition, kIsVariant,
      absl::StrCat("stream '", id, "' is a variant of '", parent,
                   "' and takes its events from there; fork it to have a stream of its own"));
}

absl::Status HasVariants(const std::string& id, absl::string_view act) {
  return engine::Error(absl::StatusCode::kFailedPrecondition, kHasVariants,
                       absl::StrCat("stream '", id, "' has variants and cannot be ", act,
                                    " under them; delete the variants first"));
}

absl::StatusOr<std::unique_ptr<engine::Stream>> CopyWith(
    const Entry& from, const std::string& id,
    const google::protobuf::RepeatedPtrField<v1::Setting>& settings) {
  auto copy = engine::Stream::Load(from.model, id, from.body.stream->Save());
  if (!copy.ok() || settings.empty()) return copy;
  auto named = FromWire(settings);
  if (!named.ok()) return named.status();
  const engine::Event set = engine::Set{*std::move(named)};
  if (absl::Status status = (*copy)->Check(set); !status.ok()) return status;
  engine::Outcome outcome;
  (*copy)->Apply(set, {.outputs = false}, &outcome);
  return copy;
}

Variants::Variants(Store* store, Keeper* keeper, Syncer* syncer, Requests* requests,
                   RuntimeObserver* observer)
    : store_(store), keeper_(keeper), syncer_(syncer), requests_(requests), observer_(observer) {}

absl::Status Variants::CheckRoom(const Entry& parent) const {
  {
    const std::lock_guard lock(parent.face_mutex);
    if (!parent.face.variant_of.empty()) return IsVariant(parent.id, parent.face.variant_of);
  }
  if (DurabilityOf(parent) == engine::Durability::kApplied) {
    return engine::Error(
        absl::StatusCode::kUnimplemented, engine::kNotCarriedOut,
        absl::StrCat(
            "stream '", parent.id, "' is of model '", parent.model->name(),
            "' with DURABILITY_APPLIED; variants expect a journal, with DURABILITY_PROCESS "
            "or DURABILITY_SYNC"));
  }
  if (Of(parent.id).size() < kMostVariants) return absl::OkStatus();
  return engine::Error(absl::StatusCode::kResourceExhausted, kLimit,
                       absl::StrCat("stream '", parent.id, "' has ", kMostVariants,
                                    " variants, the most that it may; delete some"));
}

void Variants::Link(const std::string& parent, const FollowerPtr& follower) {
  follower->epoch = follower->entry->body.record.epoch();
  {
    const std::lock_guard lock(follower->entry->face_mutex);
    follower->entry->face.variant_of = parent;
  }
  const std::lock_guard lock(mutex_);
  by_parent_[parent].push_back(follower);
  any_ = true;
}

store::v1::PairedLosses Variants::BeginningAt(const Entry& parent) {
  return Comparison(TallyOf(*parent.body.stream)).Stored();
}

void Variants::Add(const Entry& parent, const std::shared_ptr<Entry>& copy) {
  std::uint64_t event = 0;
  {
    const std::lock_guard lock(copy->face_mutex);
    event = copy->face.event;
  }
  auto follower = std::make_shared<Follower>(copy, event, Comparison(copy->body.record.compared()));
  follower->parent_promoted_event = parent.body.record.promoted_event();
  Link(parent.id, follower);
}

void Variants::Relink(const Entry& parent, const std::shared_ptr<Entry>& variant) {
  const auto place = [](const Entry& entry) {
    const std::lock_guard lock(entry.face_mutex);
    return std::pair(entry.face.applied_seq, entry.face.damage.ok());
  };
  const auto [theirs, parent_whole] = place(parent);
  const auto [ours, whole] = place(*variant);
  const store::v1::StreamRecord& record = variant->body.record;
  auto follower =
      std::make_shared<Follower>(variant, variant->face.event, Comparison(record.compared()));
  follower->following = parent_whole && whole && ours == theirs;
  follower->parent_promoted_event = parent.body.record.promoted_event();
  if (record.compared_since_promotion() != follower->parent_promoted_event) {
    follower->comparison.Restart();
  }
  Link(parent.id, follower);
}

void Variants::Remove(const Entry& variant) {
  const std::lock_guard lock(mutex_);
  for (auto group = by_parent_.begin(); group != by_parent_.end();) {
    auto& followers = group->second;
    followers.erase(
        std::remove_if(followers.begin(), followers.end(),
                       [&](const FollowerPtr& f) { return f->entry.get() == &variant; }),
        followers.end());
    group = followers.empty() ? by_parent_.erase(group) : std::next(group);
  }
  any_ = !by_parent_.empty();
}

std::vector<Variants::FollowerPtr> Variants::Of(const std::string& parent) const {
  if (!any_) return {};
  const std::lock_guard lock(mutex_);
  const auto found = by_parent_.find(parent);
  return found == by_parent_.end() ? std::vector<FollowerPtr>() : found->second;
}

bool Variants::HasAny(const std::string& parent) const { return !Of(parent).empty(); }

void Variants::Journal(const Turn& turn, Batch* batch) {
  const std::vector<FollowerPtr> followers = Of(turn.entry->id);
  if (followers.empty()) return;
  for (const JournalRecord& piece : turn.pieces) {
    if (!IsOfDataPlane(piece)) continue;
    const auto shared = std::make_shared<const JournalRecord>(piece);
    // Variants that were forked together have the same numbers: written once, stored for each.
    JournalRecord own = piece;
    std::string bytes;
    for (const FollowerPtr& follower : followers) {
      if (!follower->following) continue;
      const std::uint64_t event = ++follower->journalled_event;
      if (bytes.empty() || own.event() != event) {
        own.set_event(event);
        bytes = own.SerializeAsString();
      }
      store_->PutEvent(follower->entry->id, follower->epoch, event, bytes, batch);
      if (follower->fresh.empty()) handed_.push_back(follower);
      follower->fresh.push_back({shared, event});
    }
  }
}

void Variants::HandOut() {
  for (const FollowerPtr& follower : std::exchange(handed_, {})) {
    const std::size_t fresh = follower->fresh.size();
    {
      const std::lock_guard lock(follower->mutex);
      std::move(follower->fresh.begin(), follower->fresh.end(),
                std::back_inserter(follower->shares));
    }
    follower->fresh.clear();
    for (std::size_t done = 0; done < fresh; done += kSharesATurn) {
      scheduler_->Add(follower->entry, CallWork{CallWork::Need::kStream,
                                                [this, follower](const absl::Status& ready) {
                                                  ApplyShares(follower, ready, kSharesATurn);
                                                }});
    }
  }
}

void Variants::ApplyShares(const FollowerPtr& follower, const absl::Status& ready,
                           std::size_t most) {
  Entry* entry = follower->entry.get();
  const std::lock_guard lock(follower->mutex);
  const absl::Time begin = absl::Now();
  const bool usable = ready.ok() && entry->body.stream != nullptr;
  const std::uint64_t before = usable ? entry->body.stream->applied_seq() : 0;
  for (; most > 0 && !follower->shares.empty(); --most) {
    const Share share = std::move(follower->shares.front());
    follower->shares.pop_front();
    // What is not in memory is repeated from the journal when it comes back.
    if (!usable || share.event <= entry->body.stream->event()) continue;
    if (absl::Status status = ApplyShare(follower.get(), share); !status.ok()) {
      keeper_->Quarantine(entry, status);
      entry->body.stream = nullptr;
      follower->shares.clear();
      follower->following = false;
      return;
    }
  }
  if (!usable) return;
  const std::uint64_t steps = entry->body.stream->applied_seq() - before;
  entry->body.steps += steps;
  keeper_->PublishNumbers(entry);
  if (DurabilityOf(*entry) == engine::Durability::kSync) syncer_->Mark(follower->entry);
  if (observer_ != nullptr && steps > 0) {
    observer_->OnApplied(entry->model->name(), steps, absl::ToDoubleSeconds(absl::Now() - begin));
  }
  if (keeper_->SnapshotDue(*entry)) keeper_->SnapshotNow(entry, /*requested=*/false).IgnoreError();
}

absl::Status Variants::ApplyShare(Follower* follower, const Share& share) {
  Entry* entry = follower->entry.get();
  engine::Stream& stream = *entry->body.stream;
  ViewedEvent viewed;
  absl::Status status = ViewRecord(*share.record, &viewed);
  if (status.ok()) status = stream.Check(viewed.event);
  if (!status.ok() || stream.event() + 1 != share.event) {
    return engine::Error(absl::StatusCode::kDataLoss, engine::kDamaged,
                         absl::StrCat("variant '", entry->id, "' at event ", stream.event(),
                                      " cannot follow with event ", share.event, ": ",
                                      status.message(), "; delete it and fork it anew"));
  }
  stream.Apply(viewed.event, {.outputs = false}, &follower->outcome);
  entry->body.journal_bytes += static_cast<std::int64_t>(share.record->ByteSizeLong());
  if (follower->comparison.Ours(share.record->event(), TallyOf(stream))) KeepComparison(follower);
  return absl::OkStatus();
}

void Variants::KeepComparison(Follower* follower) {
  store::v1::StreamRecord& record = follower->entry->body.record;
  *record.mutable_compared() = follower->comparison.Stored();
  record.set_compared_since_promotion(follower->parent_promoted_event);
  Batch batch = store_->NewBatch();
  keeper_->PutRecord(*follower->entry, &batch);
  store_->Commit(std::move(batch), /*sync=*/false);
}

void Variants::NoteParent(const Entry& parent) {
  const std::vector<FollowerPtr> followers = Of(parent.id);
  if (followers.empty()) return;
  const Tally tally = TallyOf(*parent.body.stream);
  const std::uint64_t key = parent.body.stream->event();
  for (const FollowerPtr& follower : followers) {
    const std::lock_guard lock(follower->mutex);
    if (!tally.IsBlockSince(follower->noted)) continue;
    follower->noted = tally;
    if (!follower->comparison.Theirs(key, tally)) continue;
    // Its record is its own turn's.
    scheduler_->Add(follower->entry,
                    CallWork{CallWork::Need::kEntry, [this, follower](const absl::Status& ready) {
                               if (!ready.ok()) return;  // deleted
                               const std::lock_guard lock(follower->mutex);
                               KeepComparison(follower.get());
                             }});
  }
}

v1::ListVariantsResponse Variants::List(const Entry& parent) const {
  std::vector<v1::Variant> variants;
  for (const FollowerPtr& follower : Of(parent.id)) {
    v1::Variant& variant = variants.emplace_back();
    variant.set_stream(follower->entry->id);
    const v1::Stream wire = FaceToWire(*follower->entry);
    *variant.mutable_overrides() = wire.overrides();
    const std::lock_guard lock(follower->mutex);
    const Comparison& comparison = follower->comparison;
    variant.set_following(follower->following);
    variant.set_units(comparison.units());
    if (const auto mean = comparison.our_mean()) variant.set_mean_loss(*mean);
    if (const auto mean = comparison.their_mean()) variant.set_stream_mean_loss(*mean);
    if (const auto difference = comparison.Difference()) {
      variant.set_difference(difference->mean);
      variant.set_difference_low(difference->low);
      variant.set_difference_high(difference->high);
    }
  }
  const auto merit = [](const v1::Variant& variant) {
    return variant.has_mean_loss() ? variant.mean_loss() - variant.stream_mean_loss()
                                   : std::numeric_limits<double>::infinity();
  };
  std::stable_sort(variants.begin(), variants.end(),
                   [&](const auto& a, const auto& b) { return merit(a) < merit(b); });
  v1::ListVariantsResponse response;
  for (v1::Variant& variant : variants) *response.add_variants() = std::move(variant);
  return response;
}

absl::StatusOr<engine::Snapshot> Variants::StateOf(const FollowerPtr& follower,
                                                   const Entry& parent) {
  Entry* entry = follower->entry.get();
  // The order of the locks: the parent's turn before a variant's.
  const std::lock_guard lock(entry->turn_mutex);
  if (entry->body.stream == nullptr) {
    if (absl::Status status = keeper_->Load(entry); !status.ok()) return status;
    // A turn, so that it is counted as in memory.
    scheduler_->Add(follower->entry, CallWork{CallWork::Need::kEntry, [](const absl::Status&) {}});
  }
  ApplyShares(follower, absl::OkStatus(), std::numeric_limits<std::size_t>::max());
  const engine::Stream& stream = *parent.body.stream;
  if (entry->body.stream == nullptr || !follower->following ||
      entry->body.stream->applied_seq() != stream.applied_seq()) {
    return engine::Error(absl::StatusCode::kFailedPrecondition, kIsVariant,
                         absl::StrCat("variant '", entry->id, "' is not where stream '", parent.id,
                                      "' is; delete it and fork it anew"));
  }
  engine::Snapshot snapshot = entry->body.stream->Save();
  const std::uint64_t event = stream.event() + 1;
  for (engine::NamedTensor& tensor : snapshot.tensors) {
    if (tensor.name == kEventTensor) std::memcpy(tensor.bytes.data(), &event, sizeof(event));
  }
  return snapshot;
}

absl::Status Variants::Promote(Entry* parent, const std::string& variant, const RequestKey& key) {
  const std::vector<FollowerPtr> followers = Of(parent->id);
  const auto found = std::find_if(followers.begin(), followers.end(),
                                  [&](const auto& f) { return f->entry->id == variant; });
  if (found == followers.end()) {
    return engine::Error(absl::StatusCode::kNotFound, kNoVariant,
                         absl::StrCat("stream '", parent->id, "' has no variant '", variant,
                                      "'; list them with millrace stream variants"));
  }
  const auto state = StateOf(*found, *parent);
  if (!state.ok()) return state.status();
  auto stream = engine::Stream::Load(parent->model, parent->id, *state);
  if (!stream.ok()) return stream.status();
  JournalRecord record;
  record.set_event(parent->body.stream->event() + 1);
  record.set_numeric_path(parent->model->numeric_path());
  record.mutable_promote()->set_variant(variant);
  record.mutable_promote()->set_state(engine::EncodeSnapshot(*state));
  const std::string bytes = record.SerializeAsString();
  parent->body.record.set_promoted_event(record.event());
  Batch batch = store_->NewBatch();
  store_->PutEvent(parent->id, parent->body.record.epoch(), record.event(), bytes, &batch);
  keeper_->PutRecord(*parent, &batch);
  requests_->Record(key, &batch);
  store_->Commit(std::move(batch), DurabilityOf(*parent) == engine::Durability::kSync);
  parent->body.stream = *std::move(stream);
  parent->body.journal_bytes += static_cast<std::int64_t>(bytes.size());
  keeper_->Publish(parent);
  for (const FollowerPtr& follower : followers) {
    const std::lock_guard lock(follower->mutex);
    follower->comparison.Restart();
    follower->parent_promoted_event = record.event();
    follower->noted = Tally();
  }
  return absl::OkStatus();
}

}  // namespace millrace::server
