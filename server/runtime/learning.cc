// The data plane's entrance: Submit, Peek, and who hears of durability.

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/errors.h"
#include "server/convert/events.h"
#include "server/convert/results.h"
#include "server/runtime/faults.h"
#include "server/runtime/impl.h"

namespace millrace::server {
namespace {

// Answers a part that has no stream to wait for.
void AnswerAtOnce(PartTask* task, const absl::Status& status, RuntimeObserver* observer) {
  v1::LearnPartReply reply;
  reply.set_part_id(task->part.part_id());
  reply.set_stream(task->part.stream());
  *reply.mutable_status() = ToRpcStatus(status);
  if (observer != nullptr) observer->OnPartRefused("", engine::ReasonOf(status));
  task->done(std::move(reply), /*more=*/false);
}

}  // namespace

absl::Status RuntimeImpl::RefuseOversize(const v1::LearnPart& part, Entry* entry,
                                         std::uint64_t steps, std::uint64_t bytes) const {
  const Entry::Face& face = entry->face;
  if (part.body_case() == v1::LearnPart::kAttach) return absl::OkStatus();
  if (face.unanswered_steps + steps <= options_.window_steps &&
      face.unanswered_bytes + bytes <= options_.window_bytes) {
    return absl::OkStatus();
  }
  return engine::Error(
      absl::StatusCode::kResourceExhausted, kWindow,
      absl::StrCat("the part has ", steps, " steps and ", bytes, " bytes; stream '", entry->id,
                   "' has ", face.unanswered_steps, " steps and ", face.unanswered_bytes,
                   " bytes unanswered of a window of ", options_.window_steps, " steps and ",
                   options_.window_bytes,
                   " bytes; wait for replies, send smaller parts, and go on "
                   "after the last step applied"),
      {{"window_steps", absl::StrCat(options_.window_steps)},
       {"window_bytes", absl::StrCat(options_.window_bytes)}});
}

void RuntimeImpl::Submit(PartTask task) {
  Queue(std::move(task));
  scheduler_.Wake();
}

void RuntimeImpl::Queue(PartTask task) {
  if (draining_) return AnswerAtOnce(&task, Draining(), observer_);
  const auto found = FindStream(task.part.stream());
  if (!found.ok()) return AnswerAtOnce(&task, found.status(), observer_);
  const EntryPtr& entry = *found;
  PartWork work;
  work.accepted = absl::Now();
  work.bytes = task.part.ByteSizeLong();
  if (task.part.has_observe()) work.steps = StepsOf(task.part.observe(), *entry->model);
  work.task = std::move(task);
  const std::lock_guard lock(entry->face_mutex);
  work.refused = RefuseOversize(work.task.part, entry.get(), work.steps, work.bytes);
  if (!work.refused.ok()) {
    // Its answer waits for those before it; its contents need not.
    work.steps = work.bytes = 0;
    work.task.part.clear_body();
  }
  entry->face.unanswered_steps += work.steps;
  entry->face.unanswered_bytes += work.bytes;
  scheduler_.QueueLocked(entry, std::move(work));
}

absl::StatusOr<v1::PeekResponse> RuntimeImpl::Peek(const v1::PeekRequest& request) {
  const auto entry = FindStream(request.stream());
  if (!entry.ok()) return entry.status();
  v1::PeekResponse response;
  absl::Status status = InTurn(*entry, CallWork::Need::kStream, [&]() -> absl::Status {
    engine::Outcome outcome;
    const engine::Stream& stream = *(*entry)->body.stream;
    absl::Status peeked = stream.PeekStep(ViewPeek(request), &outcome);
    if (!peeked.ok()) return peeked;
    response.set_next_seq(stream.applied_seq() + 1);
    ToWire(outcome, &response);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return response;
}

void RuntimeImpl::Listen(std::uint64_t writer_token, DurableListener listener) {
  listeners_.Add(writer_token, std::move(listener));
}

void RuntimeImpl::StopListening(std::uint64_t writer_token) { listeners_.Remove(writer_token); }

}  // namespace millrace::server
