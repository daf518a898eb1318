#include "server/convert/events.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/errors.h"
#include "google/protobuf/repeated_field.h"
#include "server/convert/spec.h"
#include "server/runtime.h"

namespace millrace::server {
namespace {

template <typename T>
absl::Span<const T> ViewOf(const google::protobuf::RepeatedField<T>& field) {
  return {field.data(), static_cast<std::size_t>(field.size())};
}

absl::Span<const std::uint8_t> ViewOf(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

absl::Status BadPart(absl::string_view sentence) {
  return engine::Error(absl::StatusCode::kInvalidArgument, kBadPart, sentence);
}

absl::Status ViewBlock(const v1::TargetBlock& message, engine::TargetBlock* block) {
  const int forms = (message.values_size() > 0) + (message.classes_size() > 0) +
                    (message.probabilities_size() > 0);
  if (forms > 1) {
    return BadPart(
        "a target block has more than one of values, classes and probabilities; use one");
  }
  if (!v1::TargetSource_IsValid(message.source())) {
    return BadPart(absl::StrCat("a target block's source is ", static_cast<int>(message.source()),
                                "; use MEASURED or INFERRED"));
  }
  block->first_seq = message.first_seq();
  block->steps = message.steps();
  block->values = ViewOf(message.values());
  block->classes = ViewOf(message.classes());
  block->probabilities = ViewOf(message.probabilities());
  block->weights = ViewOf(message.weights());
  block->source = message.source() == v1::TARGET_SOURCE_INFERRED ? engine::TargetSource::kInferred
                                                                 : engine::TargetSource::kMeasured;
  return absl::OkStatus();
}

// Rows [from, from + steps) of `total` rows in `source`; a single row covers all and stays.
template <typename T>
void SliceRows(const google::protobuf::RepeatedField<T>& source, std::uint64_t total,
               std::uint64_t from, std::uint64_t steps, bool one_row,
               google::protobuf::RepeatedField<T>* slice) {
  if (source.empty()) return;
  if (one_row) {
    *slice = source;
    return;
  }
  const auto width = static_cast<std::uint64_t>(source.size()) / total;
  const T* begin = source.data() + from * width;
  slice->Add(begin, begin + steps * width);
}

void SliceOffsets(const google::protobuf::RepeatedField<std::uint32_t>& source, std::uint64_t from,
                  std::uint64_t steps, google::protobuf::RepeatedField<std::uint32_t>* slice) {
  for (const std::uint32_t offset : source) {
    if (offset >= from && offset < from + steps) {
      slice->Add(static_cast<std::uint32_t>(offset - from));
    }
  }
}

}  // namespace

absl::Status ViewObserve(const v1::Observe& message, ViewedEvent* viewed) {
  const int inputs =
      (message.floats_size() > 0) + !message.raw_bytes().empty() + (message.skip() > 0);
  if (inputs != 1) {
    return BadPart(absl::StrCat("an observation has ", inputs,
                                " of floats, raw_bytes and skip; use exactly one"));
  }
  engine::Observe observe;
  observe.first_seq = message.first_seq();
  observe.floats = ViewOf(message.floats());
  observe.raw_bytes = ViewOf(message.raw_bytes());
  observe.skip = message.skip();
  if (message.has_targets()) {
    absl::Status status = ViewBlock(message.targets(), &observe.targets.emplace());
    if (!status.ok()) return status;
  }
  observe.reset_before = ViewOf(message.reset_before());
  observe.score_only = ViewOf(message.score_only());
  observe.closed_loop = message.closed_loop();
  viewed->event = observe;
  return absl::OkStatus();
}

absl::Status ViewLateTargets(const v1::LateTargets& message, ViewedEvent* viewed) {
  viewed->blocks.resize(static_cast<std::size_t>(message.blocks_size()));
  for (int i = 0; i < message.blocks_size(); ++i) {
    absl::Status status =
        ViewBlock(message.blocks(i), &viewed->blocks[static_cast<std::size_t>(i)]);
    if (!status.ok()) return status;
  }
  viewed->event = engine::LateTargets{viewed->blocks, message.no_target_through()};
  return absl::OkStatus();
}

absl::Status ViewRecord(const store::v1::JournalRecord& record, ViewedEvent* viewed) {
  switch (record.body_case()) {
    case store::v1::JournalRecord::kObserve:
      return ViewObserve(record.observe(), viewed);
    case store::v1::JournalRecord::kLateTargets:
      return ViewLateTargets(record.late_targets(), viewed);
    case store::v1::JournalRecord::kSettle:
      viewed->event = engine::Settle{};
      return absl::OkStatus();
    case store::v1::JournalRecord::kReset:
      viewed->event = engine::Reset{};
      return absl::OkStatus();
    case store::v1::JournalRecord::kFreeze:
      viewed->event = engine::Freeze{};
      return absl::OkStatus();
    case store::v1::JournalRecord::kUnfreeze:
      viewed->event = engine::Unfreeze{};
      return absl::OkStatus();
    case store::v1::JournalRecord::kSet: {
      auto settings = FromWire(record.set().settings());
      if (!settings.ok()) return settings.status();
      viewed->event = engine::Set{*std::move(settings)};
      return absl::OkStatus();
    }
    case store::v1::JournalRecord::kTakeShadow:
      viewed->event = engine::TakeShadow{};
      return absl::OkStatus();
    case store::v1::JournalRecord::kRestore:
      viewed->event = engine::Restore{};
      return absl::OkStatus();
    case store::v1::JournalRecord::kPromote:  // no event of the engine's: Keeper takes it
    case store::v1::JournalRecord::BODY_NOT_SET:
      break;
  }
  return engine::Error(absl::StatusCode::kDataLoss, engine::kDamaged,
                       absl::StrCat("journal event ", record.event(),
                                    " is of a kind that this server does not know"));
}

std::uint64_t StepsOf(const v1::Observe& message, const engine::Model& model) {
  if (message.skip() > 0) return message.skip();
  if (!message.raw_bytes().empty()) return message.raw_bytes().size();
  const auto values = static_cast<std::uint64_t>(message.floats_size());
  const auto width = static_cast<std::uint64_t>(std::max<std::int64_t>(1, model.sizes().inputs));
  return (values + width - 1) / width;
}

v1::Observe SliceOf(const v1::Observe& message, const engine::Model& model, std::uint64_t from,
                    std::uint64_t steps) {
  const std::uint64_t total = StepsOf(message, model);
  v1::Observe slice;
  slice.set_first_seq(message.first_seq() + from);
  SliceRows(message.floats(), total, from, steps, false, slice.mutable_floats());
  if (!message.raw_bytes().empty()) slice.set_raw_bytes(message.raw_bytes().substr(from, steps));
  if (message.skip() > 0) slice.set_skip(static_cast<std::uint32_t>(steps));
  if (message.has_targets()) {
    const v1::TargetBlock& block = message.targets();
    v1::TargetBlock& part = *slice.mutable_targets();
    const bool one_row = block.values_size() == model.sizes().outputs;
    const bool one_vector = block.probabilities_size() == model.sizes().outputs;
    SliceRows(block.values(), total, from, steps, one_row, part.mutable_values());
    SliceRows(block.classes(), total, from, steps, block.classes_size() == 1,
              part.mutable_classes());
    SliceRows(block.probabilities(), total, from, steps, one_vector, part.mutable_probabilities());
    SliceRows(block.weights(), total, from, steps, block.weights_size() == 1,
              part.mutable_weights());
    part.set_source(block.source());
  }
  SliceOffsets(message.reset_before(), from, steps, slice.mutable_reset_before());
  SliceOffsets(message.score_only(), from, steps, slice.mutable_score_only());
  slice.set_closed_loop(message.closed_loop());
  return slice;
}

engine::Want FromWire(const v1::Observe& message) {
  if (!message.has_want()) return {};
  const v1::Want& want = message.want();
  return {.outputs = !want.nothing(),
          .shadow = want.shadow(),
          .residual_sd = want.residual_sd(),
          .novelty = want.novelty()};
}

engine::Peek ViewPeek(const v1::PeekRequest& request) {
  return {.floats = ViewOf(request.floats()), .raw_bytes = ViewOf(request.raw_byte())};
}

}  // namespace millrace::server
