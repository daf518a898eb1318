#include "client/cpp/operation.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace millrace::client {
namespace {

using Rows = google::protobuf::RepeatedField<float>;

// Copies `rows` [R, width] to row `offset` of `all` [T, width], which is made, all NaN, when its
// first row comes. A reply of another size than it claims is left out.
void PlaceRows(const Rows& rows, std::size_t width, std::size_t offset, std::size_t steps,
               std::vector<float>* all) {
  const std::size_t count = static_cast<std::size_t>(rows.size());
  if (rows.empty() || offset * width + count > steps * width) return;
  if (all->empty()) all->assign(steps * width, std::numeric_limits<float>::quiet_NaN());
  if (all->size() != steps * width) return;
  std::copy(rows.begin(), rows.end(), all->begin() + static_cast<std::ptrdiff_t>(offset * width));
}

}  // namespace

void Operation::PartDone(const Numbers& numbers, Calls* calls) {
  if (--parts_ > 0 || finished_) return;
  finished_ = true;
  calls->push_back(Finish(absl::OkStatus(), numbers));
}

void Operation::Answer(const v1::LearnPartReply& reply, const Numbers& numbers, Calls* calls) {
  if (!finished_) Absorb(reply);
  PartDone(numbers, calls);
}

void Operation::AnswerLost(std::uint32_t steps, const Numbers& numbers, Calls* calls) {
  if (!finished_) AbsorbLost(steps);
  PartDone(numbers, calls);
}

void Operation::Fail(const absl::Status& status, Calls* calls) {
  if (finished_) return;
  finished_ = true;
  calls->push_back(Finish(status, Numbers()));
}

ObserveOperation::ObserveOperation(std::uint64_t first_seq, std::uint32_t steps,
                                   ObserveCallback callback)
    : callback_(std::move(callback)) {
  result_.first_seq = first_seq;
  result_.steps = steps;
  result_.has_prediction.assign(steps, 0);
}

void ObserveOperation::Absorb(const v1::LearnPartReply& reply) {
  const v1::ObserveResult& rows = reply.observe();
  result_.served_shadow = rows.served_shadow();
  result_.trailing_steps = rows.trailing_steps();
  if (rows.steps() == 0 || rows.first_seq() < result_.first_seq) return;
  const std::size_t offset = rows.first_seq() - result_.first_seq;
  const std::size_t steps = result_.steps;
  if (offset + rows.steps() > steps) return;
  if (!rows.outputs().empty()) {
    const std::size_t m = static_cast<std::size_t>(rows.outputs_size()) / rows.steps();
    result_.outputs_a_step = static_cast<std::uint32_t>(m);
    PlaceRows(rows.outputs(), m, offset, steps, &result_.outputs);
    PlaceRows(rows.probabilities(), m, offset, steps, &result_.probabilities);
    PlaceRows(rows.shadow_outputs(), m, offset, steps, &result_.shadow_outputs);
    PlaceRows(rows.residual_sd(), m, offset, steps, &result_.residual_sd);
    std::fill_n(result_.has_prediction.begin() + static_cast<std::ptrdiff_t>(offset), rows.steps(),
                std::uint8_t{1});
  }
  PlaceRows(rows.novelty(), 1, offset, steps, &result_.novelty);
  PlaceRows(rows.disagreement(), 1, offset, steps, &result_.disagreement);
  PlaceRows(rows.loss(), 1, offset, steps, &result_.loss);
  PlaceRows(rows.shadow_loss(), 1, offset, steps, &result_.shadow_loss);
}

std::function<void()> ObserveOperation::Finish(const absl::Status& status, const Numbers& numbers) {
  result_.numbers = numbers;
  auto result =
      status.ok() ? absl::StatusOr<Observed>(std::move(result_)) : absl::StatusOr<Observed>(status);
  return [callback = std::move(callback_), result = std::move(result)]() mutable {
    callback(std::move(result));
  };
}

void AcknowledgeOperation::Absorb(const v1::LearnPartReply& reply) {
  if (reply.status().code() != 0) result_.repeated = true;
  if (!reply.has_late_targets()) return;
  const v1::LateTargetsResult& release = reply.late_targets();
  result_.taken = release.taken();
  result_.skipped = release.skipped();
  if (release.has_loss()) result_.loss = release.loss();
  if (release.has_shadow_loss()) result_.shadow_loss = release.shadow_loss();
}

std::function<void()> AcknowledgeOperation::Finish(const absl::Status& status,
                                                   const Numbers& numbers) {
  result_.numbers = numbers;
  auto result =
      status.ok() ? absl::StatusOr<Acknowledged>(result_) : absl::StatusOr<Acknowledged>(status);
  return [callback = std::move(callback_), result = std::move(result)]() mutable {
    callback(std::move(result));
  };
}

}  // namespace millrace::client
