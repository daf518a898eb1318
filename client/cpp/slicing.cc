#include "client/cpp/slicing.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"

namespace millrace::client {
namespace {

absl::Status BadPart(const std::string& stream, const std::string& what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_PART",
               absl::StrCat("observation for stream '", stream, "' ", what));
}

// Rows [from, from + count) of [T, width].
template <typename Field>
void CutRows(const Field& rows, std::uint32_t steps, std::uint32_t from, std::uint32_t count,
             Field* out) {
  const int width = rows.size() / static_cast<int>(steps);
  const int first = static_cast<int>(from) * width;
  out->Clear();
  out->Add(rows.begin() + first, rows.begin() + first + static_cast<int>(count) * width);
}

// As CutRows for a field of targets, where one row may stand for all steps.
template <typename Field>
void CutTargetRows(bool one_row, const Observation& from_observation, std::uint32_t from,
                   std::uint32_t count, Field* rows) {
  if (rows->empty() || one_row || from_observation.steps == 1) return;
  const Field whole = *rows;
  CutRows(whole, from_observation.steps, from, count, rows);
}

void CutOffsets(std::uint32_t from, std::uint32_t count,
                google::protobuf::RepeatedField<std::uint32_t>* offsets) {
  const google::protobuf::RepeatedField<std::uint32_t> whole = *offsets;
  offsets->Clear();
  for (std::uint32_t offset : whole) {
    if (offset >= from && offset - from < count) offsets->Add(offset - from);
  }
}

void CutTargets(const Observation& whole, std::uint32_t from, std::uint32_t count,
                v1::TargetBlock* targets) {
  const bool one_row = whole.one_target_row;
  CutTargetRows(one_row, whole, from, count, targets->mutable_values());
  CutTargetRows(one_row, whole, from, count, targets->mutable_probabilities());
  CutTargetRows(one_row || targets->classes_size() == 1, whole, from, count,
                targets->mutable_classes());
  CutTargetRows(targets->weights_size() == 1, whole, from, count, targets->mutable_weights());
  if (targets->steps() != 0) targets->set_steps(count);
}

absl::Status CheckOffsets(const google::protobuf::RepeatedField<std::uint32_t>& offsets,
                          const char* name, const Observation& observation,
                          const std::string& stream) {
  for (std::uint32_t offset : offsets) {
    if (offset >= observation.steps) {
      return BadPart(stream,
                     absl::StrCat("has ", name, " ", offset, "; expected offsets below its ",
                                  observation.steps, " steps"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckObservation(const Observation& observation, const std::string& stream) {
  const v1::Observe& body = observation.body;
  const std::size_t steps = observation.steps;
  if (steps == 0) return BadPart(stream, "has 0 steps; expected at least 1");
  const int inputs = (body.floats().empty() ? 0 : 1) + (body.raw_bytes().empty() ? 0 : 1) +
                     (body.skip() == 0 ? 0 : 1);
  if (inputs != 1) {
    return BadPart(stream, absl::StrCat("has ", inputs,
                                        " kinds of input; expected exactly one of floats, "
                                        "raw_bytes and skip"));
  }
  if (static_cast<std::size_t>(body.floats_size()) % steps != 0) {
    return BadPart(stream, absl::StrCat("has ", body.floats_size(),
                                        " floats; expected a multiple of its ", steps, " steps"));
  }
  const std::size_t counted = body.skip() != 0 ? body.skip() : body.raw_bytes().size();
  if (body.floats().empty() && counted != steps) {
    return BadPart(stream, absl::StrCat("has input for ", counted, " steps; expected ", steps));
  }
  if (body.targets().steps() != 0 && body.targets().steps() != steps) {
    return BadPart(stream, absl::StrCat("has targets for ", body.targets().steps(),
                                        " steps; expected 0 or ", steps));
  }
  absl::Status status = CheckOffsets(body.reset_before(), "reset_before", observation, stream);
  if (status.ok()) status = CheckOffsets(body.score_only(), "score_only", observation, stream);
  return status;
}

Observation Slice(const Observation& observation, std::uint32_t from, std::uint32_t count) {
  Observation part;
  part.steps = count;
  part.one_target_row = observation.one_target_row;
  // The rows are the bulk of it: they are cut from the original, not copied and cut.
  const v1::Observe& body = observation.body;
  CutRows(body.floats(), observation.steps, from, count, part.body.mutable_floats());
  if (!body.raw_bytes().empty()) part.body.set_raw_bytes(body.raw_bytes().substr(from, count));
  if (body.skip() != 0) part.body.set_skip(count);
  part.body.set_first_seq(body.first_seq() + from);
  part.body.set_closed_loop(body.closed_loop());
  if (body.has_want()) *part.body.mutable_want() = body.want();
  if (body.has_targets()) {
    *part.body.mutable_targets() = body.targets();
    CutTargets(observation, from, count, part.body.mutable_targets());
  }
  *part.body.mutable_reset_before() = body.reset_before();
  CutOffsets(from, count, part.body.mutable_reset_before());
  *part.body.mutable_score_only() = body.score_only();
  CutOffsets(from, count, part.body.mutable_score_only());
  return part;
}

}  // namespace millrace::client
