#include "client/cli/replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace millrace::client {
namespace {

// Between two looks at the statistics while a file is played.
constexpr std::size_t kStatsSteps = 2048;

// Asks again until the server is back or patience ends.
template <typename Call>
auto Patiently(absl::Duration patience, Call call) {
  const absl::Time until = absl::Now() + patience;
  auto result = call();
  while ((result.status().code() == absl::StatusCode::kUnavailable ||
          result.status().code() == absl::StatusCode::kDeadlineExceeded) &&
         absl::Now() < until) {
    result = call();
  }
  return result;
}

}  // namespace

Replay::Replay(Client* client, ReplayOptions options, Progress* progress,
               const std::atomic<bool>* stop)
    : client_(*client), options_(std::move(options)), progress_(*progress), stop_(*stop) {}

absl::StatusOr<Json> Replay::Run() {
  if (absl::Status status = Prepare(); !status.ok()) return status;
  if (absl::Status status = Attach(); !status.ok()) return status;
  start_ = absl::Now();
  for (std::size_t file = 0; file < recording_.files.size() && !stop_; ++file) {
    if (absl::Status status = PlayFile(file); !status.ok()) return status;
  }
  return Report(absl::ToDoubleSeconds(absl::Now() - start_));
}

absl::Status Replay::Attach() {
  session_ = client_.StartSession();
  auto writer = session_->Attach(options_.stream, options_.patience);
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  const Numbers numbers = writer_->numbers();
  const std::vector<std::uint64_t> held = writer_->held_targets();
  held_.insert(held.begin(), held.end());
  learned_ = numbers.learned_seq;
  base_ = options_.first_seq.value_or(options_.resume ? 1 : numbers.applied_seq + 1);
  if (!options_.resume) {
    if (base_ != numbers.applied_seq + 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("--first_seq is ", base_, "; stream '", options_.stream, "' stands at step ",
                       numbers.applied_seq, ", so the next is ", numbers.applied_seq + 1,
                       "; add --resume to go on with a recording that was begun"));
    }
    return CloseOpenSteps();
  }
  if (numbers.applied_seq + 1 < base_ || numbers.applied_seq + 1 > base_ + recording_.steps()) {
    return absl::InvalidArgumentError(
        absl::StrCat("stream '", options_.stream, "' stands at step ", numbers.applied_seq,
                     "; the recording is its steps ", base_, " to ", base_ + recording_.steps() - 1,
                     "; give all files of the recording in order, or the number of its first step "
                     "(--first_seq)"));
  }
  skip_ = numbers.applied_seq + 1 - base_;
  return absl::OkStatus();
}

absl::Status Replay::CloseOpenSteps() {
  const Numbers numbers = writer_->numbers();
  if (!delayed_ || numbers.learned_seq >= numbers.applied_seq) return absl::OkStatus();
  progress_.Note(absl::StrCat("stream '", options_.stream, "': steps ", numbers.learned_seq + 1,
                              " to ", numbers.applied_seq,
                              " are open; those without a target get none"));
  v1::LateTargets none;
  none.set_no_target_through(numbers.applied_seq);
  return writer_->LateTargets(std::move(none), options_.patience).get().status();
}

absl::Status Replay::PlayFile(std::size_t file) {
  for (const Action& action : plans_[file].actions) {
    if (stop_) break;
    absl::Status status = PlayAction(file, action);
    if (status.ok()) {
      status = Harvest(action.kind == Action::Kind::kSettle
                           ? 0
                           : (options_.in_flight - 1) * options_.steps_per_message);
    }
    if (status.ok() && rows_since_stats_ >= kStatsSteps) status = NoteStats();
    if (!status.ok()) return status;
    ShowProgress(file);
  }
  return EndFile(file);
}

absl::Status Replay::PlayAction(std::size_t file, const Action& action) {
  const std::size_t at = starts_[file] + action.end;  // rows observed once it is done
  switch (action.kind) {
    case Action::Kind::kObserve:
      return at <= skip_ ? absl::OkStatus() : SendRows(file, action);
    case Action::Kind::kRelease:
      return SendRelease(file, action);
    case Action::Kind::kSettle:
      if (at < skip_) return absl::OkStatus();
      Pending pending;
      pending.acknowledged = writer_->Settle(options_.patience);
      pending_.push_back(std::move(pending));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Replay::SendRows(std::size_t file, const Action& action) {
  const std::size_t start = starts_[file];
  const std::size_t begin = std::max(action.begin, skip_ > start ? skip_ - start : 0);
  Observation rows = Rows(file, begin, action.end, action);
  const std::size_t count = action.end - begin;
  Pace(count);
  auto promise = std::make_shared<std::promise<std::pair<absl::StatusOr<Observed>, absl::Time>>>();
  Pending pending;
  pending.row = start + begin;
  pending.rows = count;
  pending.observed = promise->get_future();
  pending.sent = absl::Now();
  pending_.push_back(std::move(pending));
  unanswered_rows_ += count;
  sent_rows_ += count;
  writer_->Observe(
      std::move(rows),
      [promise](absl::StatusOr<Observed> result) {
        promise->set_value({std::move(result), absl::Now()});
      },
      options_.patience);
  return absl::OkStatus();
}

absl::Status Replay::SendRelease(std::size_t file, const Action& action) {
  // Of what was observed before this run some may have been told already.
  const bool trim = starts_[file] + action.end <= skip_;
  v1::LateTargets targets = Targets(file, action, trim);
  if (trim && targets.blocks().empty() && targets.no_target_through() <= learned_) {
    return absl::OkStatus();
  }
  Pending pending;
  pending.acknowledged = writer_->LateTargets(std::move(targets), options_.patience);
  pending_.push_back(std::move(pending));
  return absl::OkStatus();
}

// A step is sent when it has happened: the last of a message sets its time.
void Replay::Pace(std::size_t rows) {
  if (options_.rate_hz <= 0) return;
  paced_rows_ += rows;
  const absl::Time due =
      start_ + absl::Seconds(static_cast<double>(paced_rows_) / options_.rate_hz);
  while (absl::Now() < due && !stop_) {
    std::this_thread::sleep_for(
        absl::ToChronoNanoseconds(std::min(due - absl::Now(), absl::Milliseconds(100))));
  }
}

absl::Status Replay::Harvest(std::size_t rows) {
  const auto ready = [](const auto& future) {
    return future.valid() && future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  while (!pending_.empty()) {
    Pending& front = pending_.front();
    const bool must = unanswered_rows_ > rows || rows == 0;
    if (!must && !ready(front.observed) && !ready(front.acknowledged)) break;
    Pending pending = std::move(front);
    pending_.pop_front();
    unanswered_rows_ -= pending.rows;
    if (absl::Status status = Take(std::move(pending)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Replay::Take(Pending pending) {
  if (pending.rows == 0) return pending.acknowledged.get().status();
  auto [result, answered] = pending.observed.get();
  if (!result.ok()) return result.status();
  latencies_us_.push_back(absl::ToDoubleMicroseconds(answered - pending.sent));
  lost_predictions_ += result->lost_replies;
  const std::size_t m = result->outputs_a_step;
  for (std::size_t t = 0; t < pending.rows; ++t) {
    if (!result->has_prediction[t]) continue;
    const auto outputs = absl::MakeConstSpan(result->outputs).subspan(t * m, m);
    absl::Span<const float> shadow;
    if (!result->shadow_outputs.empty()) {
      shadow = absl::MakeConstSpan(result->shadow_outputs).subspan(t * m, m);
      // A part of an observation that came before the shadow was taken.
      if (std::isnan(shadow[0]) && !std::isnan(outputs[0])) shadow = {};
    }
    scorer_->Add(pending.row + t, outputs, shadow);
  }
  const std::size_t file =
      static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), pending.row) -
                               starts_.begin()) -
      1;
  file_steps_[file] += pending.rows;
  rows_since_stats_ += pending.rows;
  return absl::OkStatus();
}

absl::Status Replay::EndFile(std::size_t file) {
  if (absl::Status status = Harvest(0); !status.ok()) return status;
  scorer_->CloseFile(file);
  const bool complete = !stop_ || file_steps_[file] == recording_.files[file].steps;
  if (complete) {
    if (absl::Status status = ShadowAfter(file); !status.ok()) return status;
  }
  if (file_steps_[file] == 0) return absl::OkStatus();
  if (absl::Status status = NoteStats(); !status.ok()) return status;
  const std::uint64_t first = SeqOf(starts_[file]);
  const std::uint64_t last = first + recording_.files[file].steps - 1;
  Json entry = Json::Object();
  entry.Set("file", recording_.files[file].name)
      .Set("first_seq", first)
      .Set("steps", std::uint64_t{file_steps_[file]});
  entry.Merge(scorer_->File(file));
  entry.Set("recovery", recovery_).Set("shifts", Marks(first, last));
  files_.Add(std::move(entry));
  progress_.FileDone(State(file));
  return absl::OkStatus();
}

absl::Status Replay::NoteStats() {
  rows_since_stats_ = 0;
  const auto stats =
      Patiently(options_.patience, [&] { return client_.GetStats(options_.stream); });
  if (!stats.ok()) return stats.status();
  for (const v1::ShiftMark& mark : stats->marks()) marks_[{mark.cause(), mark.seq()}] = mark;
  recovery_ = stats->has_recovery() ? std::optional<double>(stats->recovery()) : std::nullopt;
  return absl::OkStatus();
}

absl::Status Replay::ShadowAfter(std::size_t file) {
  if (options_.shadow_after_file != file + 1) return absl::OkStatus();
  const std::size_t end = starts_[file] + recording_.files[file].steps;
  if (end < skip_) return absl::OkStatus();
  const std::uint64_t seq = SeqOf(end) - 1;
  if (end == skip_) {
    const auto stats =
        Patiently(options_.patience, [&] { return client_.GetStats(options_.stream); });
    if (!stats.ok()) return stats.status();
    if (stats->has_shadow_seq() && stats->shadow_seq() == seq) return absl::OkStatus();
  }
  return Patiently(options_.patience, [&] { return client_.TakeShadow(options_.stream); }).status();
}

void Replay::ShowProgress(std::size_t file) {
  const absl::Time now = absl::Now();
  if (progress_.Due(now)) progress_.Update(State(file), now);
}

}  // namespace millrace::client
