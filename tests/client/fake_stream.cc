#include "tests/client/fake_stream.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "google/rpc/error_details.pb.h"

namespace millrace::client {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

std::int64_t IntegerOf(const v1::Part& part, const std::string& name, std::int64_t otherwise) {
  for (const v1::Setting& setting : part.settings()) {
    if (setting.name() == name) return setting.integer();
  }
  return otherwise;
}

}  // namespace

absl::Status FakeError(absl::StatusCode code, const std::string& reason,
                       const std::string& sentence,
                       const std::map<std::string, std::string>& metadata) {
  google::rpc::ErrorInfo error;
  error.set_reason(reason);
  error.set_domain("millrace");
  for (const auto& [key, value] : metadata) (*error.mutable_metadata())[key] = value;
  absl::Status status(code, sentence);
  status.SetPayload(kErrorInfoUrl, absl::Cord(error.SerializeAsString()));
  return status;
}

google::rpc::Status ToRpc(const absl::Status& status) {
  google::rpc::Status rpc;
  rpc.set_code(static_cast<int>(status.code()));
  rpc.set_message(std::string(status.message()));
  if (const auto payload = status.GetPayload(kErrorInfoUrl)) {
    auto* detail = rpc.add_details();
    detail->set_type_url(kErrorInfoUrl);
    detail->set_value(std::string(*payload));
  }
  return rpc;
}

FakeShape ShapeOf(const v1::ModelSpec& spec) {
  FakeShape shape;
  const bool bytes = spec.input().name() == "bytes";
  shape.inputs = bytes ? 0 : static_cast<int>(IntegerOf(spec.input(), "size", 1));
  shape.outputs = bytes ? 256 : static_cast<int>(IntegerOf(spec.head(), "outputs", 1));
  shape.classes = spec.loss().name() == "cross_entropy";
  shape.next_input = spec.target().name() == "next_input";
  shape.delayed = spec.target().name() == "delayed";
  return shape;
}

FakeStream::FakeStream(std::string id_in, std::string model_in, FakeShape shape)
    : id(std::move(id_in)), model(std::move(model_in)), shape_(shape) {
  counts_.assign(static_cast<std::size_t>(shape.outputs) + (shape.classes ? 0 : 1), 0);
}

std::vector<std::uint64_t> FakeStream::open_targets() const {
  std::vector<std::uint64_t> open;
  for (const auto& [seq, target] : held_) {
    if (!target.none) open.push_back(seq);
  }
  return open;
}

std::string FakeStream::Digest() const {
  std::string text =
      absl::StrCat(applied_seq, "/", learned_seq, "/", event, "/", absl::StrJoin(first_inputs, ","),
                   "/", absl::StrJoin(resets, ","), "/", absl::StrJoin(counts_, ","));
  for (const auto& [seq, target] : learned) absl::StrAppend(&text, "/", seq, ":", target);
  return absl::StrFormat("%016x", std::hash<std::string>()(text));
}

std::vector<float> FakeStream::Predict(const std::vector<double>& counts) const {
  std::vector<float> outputs(static_cast<std::size_t>(shape_.outputs));
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    outputs[k] = static_cast<float>(shape_.classes ? std::log(counts[k] + 0.5)
                                                   : counts[k] / std::max(1.0, counts.back()));
  }
  return outputs;
}

float FakeStream::LossOf(int label) const {
  const std::vector<float> outputs = Predict(counts_);
  double sum = 0;
  for (const float output : outputs) sum += std::exp(output);
  return static_cast<float>(std::log(sum) - outputs[static_cast<std::size_t>(label)]);
}

void FakeStream::Learn(std::uint64_t seq, const Target& target) {
  if (target.none) return;
  learned.emplace_back(seq, static_cast<float>(target.values[0]));
  if (frozen) return;
  if (shape_.classes) {
    counts_[static_cast<std::size_t>(target.values[0])] += 1;
    return;
  }
  for (std::size_t k = 0; k < target.values.size(); ++k) counts_[k] += target.values[k];
  counts_.back() += 1;
}

void FakeStream::Advance() {
  while (!held_.empty() && held_.begin()->first == learned_seq + 1 && learned_seq < applied_seq) {
    Learn(held_.begin()->first, held_.begin()->second);
    held_.erase(held_.begin());
    ++learned_seq;
  }
}

std::optional<FakeStream::Target> FakeStream::TargetAt(const v1::TargetBlock& block,
                                                       std::uint32_t row,
                                                       std::uint32_t steps) const {
  Target target;
  if (!block.classes().empty()) {
    const int label = block.classes(block.classes_size() == 1 ? 0 : static_cast<int>(row));
    if (label < 0) return std::nullopt;
    target.values = {static_cast<double>(label)};
    return target;
  }
  if (block.values().empty()) return std::nullopt;
  const std::uint32_t width = static_cast<std::uint32_t>(shape_.outputs);
  const bool one_row = static_cast<std::uint32_t>(block.values_size()) == width && steps > 1;
  for (std::uint32_t k = 0; k < width; ++k) {
    const float value = block.values(static_cast<int>((one_row ? 0 : row) * width + k));
    if (std::isnan(value)) return std::nullopt;
    target.values.push_back(value);
  }
  return target;
}

absl::Status FakeStream::Observe(const v1::Observe& observe, v1::ObserveResult* result) {
  const std::uint32_t steps = static_cast<std::uint32_t>(
      shape_.inputs == 0 ? observe.raw_bytes().size()
                         : static_cast<std::size_t>(observe.floats_size() / shape_.inputs));
  if (steps == 0 || (shape_.inputs > 0 && observe.floats_size() % shape_.inputs != 0)) {
    return FakeError(absl::StatusCode::kInvalidArgument, "BAD_SHAPE",
                     absl::StrCat("x has ", observe.floats_size(), " values; stream '", id,
                                  "' expects a multiple of ", shape_.inputs,
                                  " (inputs, set at model '", model, "')"));
  }
  if (observe.first_seq() > applied_seq + 1) {
    return FakeError(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP",
                     absl::StrCat("step ", observe.first_seq(), " of stream '", id,
                                  "' came before step ", applied_seq + 1),
                     {{"expected_seq", absl::StrCat(applied_seq + 1)}});
  }
  result->set_first_seq(applied_seq + 1);
  for (std::uint32_t t = 0; t < steps; ++t) {
    if (observe.first_seq() + t <= applied_seq) {
      ++duplicate_steps;
      result->set_skipped(result->skipped() + 1);
      continue;
    }
    if (std::count(observe.reset_before().begin(), observe.reset_before().end(), t) > 0) {
      resets.push_back(applied_seq);
    }
    ++applied_seq;
    int byte = 0;
    if (shape_.inputs == 0) {
      byte = static_cast<unsigned char>(observe.raw_bytes()[t]);
      result->add_loss(applied_seq > 1 ? LossOf(byte) : std::nanf(""));
      first_inputs.push_back(static_cast<float>(byte));
      if (applied_seq > 1) held_[applied_seq - 1] = Target{{static_cast<double>(byte)}, false};
      Advance();
    } else {
      first_inputs.push_back(observe.floats(static_cast<int>(t) * shape_.inputs));
    }
    for (float value : Predict(counts_)) result->add_outputs(value);
    if (shadow_seq > 0 && observe.want().shadow()) {
      for (float value : Predict(shadow_counts_)) result->add_shadow_outputs(value);
    }
    result->set_steps(result->steps() + 1);
    if (shape_.next_input) continue;
    const std::optional<Target> target = TargetAt(observe.targets(), t, steps);
    if (target) held_[applied_seq] = *target;
    if (!target && !shape_.delayed) held_[applied_seq] = Target{{}, true};
    Advance();
  }
  return absl::OkStatus();
}

absl::Status FakeStream::LateTargets(const v1::LateTargets& late, v1::LateTargetsResult* result) {
  releases.push_back(late);
  std::map<std::uint64_t, Target> fresh;
  std::uint32_t given = 0;
  for (const v1::TargetBlock& block : late.blocks()) {
    for (std::uint32_t t = 0; t < block.steps(); ++t) {
      const std::uint64_t seq = block.first_seq() + t;
      if (seq > applied_seq) {
        return FakeError(absl::StatusCode::kOutOfRange, "NOT_OPEN",
                         absl::StrCat("step ", seq, " of stream '", id, "' is not open"));
      }
      const std::optional<Target> target = TargetAt(block, t, block.steps());
      if (!target) continue;
      ++given;
      if (seq <= learned_seq || held_.count(seq) > 0) continue;
      fresh[seq] = *target;
    }
  }
  if (given > 0 && fresh.empty()) {
    return FakeError(absl::StatusCode::kAlreadyExists, "TARGET_HELD",
                     absl::StrCat("the targets of stream '", id, "' are held already"));
  }
  for (auto& [seq, target] : fresh) held_[seq] = target;
  for (std::uint64_t seq = learned_seq + 1;
       seq <= std::min<std::uint64_t>(late.no_target_through(), applied_seq); ++seq) {
    held_.emplace(seq, Target{{}, true});
  }
  Advance();
  result->set_taken(static_cast<std::uint32_t>(fresh.size()));
  result->set_skipped(given - result->taken());
  return absl::OkStatus();
}

absl::Status FakeStream::Apply(const v1::LearnPart& part, v1::LearnPartReply* reply) {
  if (part.epoch() != epoch) {
    return FakeError(absl::StatusCode::kFailedPrecondition, "STALE_EPOCH",
                     absl::StrCat("stream '", id, "' is at epoch ", epoch));
  }
  if (part.writer_token() != token) {
    return FakeError(absl::StatusCode::kFailedPrecondition, "FENCED",
                     absl::StrCat("stream '", id, "' has a newer writer"));
  }
  absl::Status status;
  if (part.has_observe()) status = Observe(part.observe(), reply->mutable_observe());
  if (part.has_late_targets()) {
    status = LateTargets(part.late_targets(), reply->mutable_late_targets());
  }
  if (part.has_settle()) settles.push_back(applied_seq);
  if (part.has_reset()) resets.push_back(applied_seq);
  if (!status.ok()) {
    reply->clear_result();
    return status;
  }
  if (!part.has_observe() || reply->observe().steps() > 0) ++event;
  if (durable_at_once) MakeDurable();
  return status;
}

void FakeStream::TakeShadow() {
  shadow_counts_ = counts_;
  shadow_seq = applied_seq;
  ++event;
}

}  // namespace millrace::client
