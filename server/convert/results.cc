#include "server/convert/results.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "google/protobuf/repeated_field.h"

namespace millrace::server {
namespace {

void Append(const std::vector<float>& rows, google::protobuf::RepeatedField<float>* field) {
  field->Add(rows.begin(), rows.end());
}

// Losses are per step and absent from slices that scored nothing: both sides are made as long.
void AppendLoss(const std::vector<float>& loss, std::uint32_t steps, std::uint32_t steps_before,
                google::protobuf::RepeatedField<float>* field) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  if (loss.empty() && field->empty()) return;
  field->Resize(static_cast<int>(steps_before), kNone);
  if (loss.empty()) {
    field->Resize(static_cast<int>(steps_before + steps), kNone);
  } else {
    Append(loss, field);
  }
}

}  // namespace

void AppendRows(const engine::Outcome& outcome, v1::ObserveResult* result) {
  if (result->first_seq() == 0 && outcome.steps > 0) result->set_first_seq(outcome.first_seq);
  AppendLoss(outcome.loss, outcome.steps, result->steps(), result->mutable_loss());
  AppendLoss(outcome.shadow_loss, outcome.steps, result->steps(), result->mutable_shadow_loss());
  result->set_skipped(result->skipped() + outcome.skipped);
  result->set_steps(result->steps() + outcome.steps);
  Append(outcome.outputs, result->mutable_outputs());
  Append(outcome.probabilities, result->mutable_probabilities());
  Append(outcome.shadow_outputs, result->mutable_shadow_outputs());
  Append(outcome.residual_sd, result->mutable_residual_sd());
  Append(outcome.novelty, result->mutable_novelty());
  Append(outcome.disagreement, result->mutable_disagreement());
  result->set_served_shadow(outcome.served_shadow);
}

void ToWire(const engine::Outcome& outcome, v1::LateTargetsResult* result) {
  result->set_taken(outcome.taken);
  result->set_skipped(outcome.skipped);
  if (outcome.release_loss.has_value()) result->set_loss(*outcome.release_loss);
  if (outcome.release_shadow_loss.has_value()) {
    result->set_shadow_loss(*outcome.release_shadow_loss);
  }
}

void ToWire(const engine::Outcome& outcome, v1::PeekResponse* response) {
  Append(outcome.outputs, response->mutable_outputs());
  Append(outcome.probabilities, response->mutable_probabilities());
  Append(outcome.shadow_outputs, response->mutable_shadow_outputs());
  Append(outcome.residual_sd, response->mutable_residual_sd());
  if (!outcome.novelty.empty()) response->set_novelty(outcome.novelty.front());
}

}  // namespace millrace::server
