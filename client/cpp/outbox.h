// What is on its way to one stream, in order: the state machine behind a writer, without threads,
// locks, clocks or a transport (its session has those, and locks).
//
// It numbers steps, cuts parts to the attached window, keeps what is not yet durable, and after a
// broken call finds out from the stream's own numbers what was applied:
//
//   detached --AttachPart--> attaching --OnAttachReply--> attached --OnBroken--> detached
//                                 \------------- Fail --------------> failed (for good)
//
// - A step is sent again only if the server says, by applied_seq, that it has not observed it, so
//   none is observed twice. One that was applied while its reply was lost is reported as such.
// - Late targets that learned_seq and the held targets do not show are sent again whole: the server
//   takes each target once, and "held already" counts as success here.
// - A settle or a reset waits until everything before it is answered and holds up what follows, so
//   neither can overtake or be overtaken, and after a broken call it is sent again in its place. A
//   reset that must happen exactly once travels as `reset_before`.
// - A refused observation fails what is queued behind it (PREDECESSOR_REFUSED); numbering goes on
//   at the refused step.
// - What the server has no room for (WINDOW) and what follows it (SEQUENCE_GAP) goes back to the
//   queue and is sent again, in order.
#ifndef MILLRACE_CLIENT_CPP_OUTBOX_H_
#define MILLRACE_CLIENT_CPP_OUTBOX_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/backoff.h"
#include "client/cpp/operation.h"

namespace millrace::client {

struct OutboxLimits {
  std::int64_t queue_bytes = 64 << 20;     // not yet answered
  std::int64_t retained_bytes = 64 << 20;  // answered, not yet durable; the oldest are given up
  std::int64_t part_bytes = 512 << 10;     // larger observations are cut
};

class Outbox {
 public:
  // `on_attached` is called once: with OK at the first attach, or with what made it impossible.
  Outbox(std::string stream, const OutboxLimits& limits, std::uint64_t last_durable_seq,
         std::function<void(absl::Status)> on_attached);

  // Each appends to `calls` what is due to be told to the program.
  void Observe(Observation observation, ObserveCallback callback, absl::Time deadline,
               Calls* calls);
  // `body` holds late targets, a settle or a reset.
  void Other(v1::LearnPart body, AcknowledgeCallback callback, absl::Time deadline, Calls* calls);

  bool wants_attach() const { return state_ == State::kDetached; }
  v1::LearnPart AttachPart();
  void OnAttachReply(const v1::LearnPartReply& reply, Calls* calls);

  // The next part that may be sent now; it counts as sent.
  std::optional<v1::LearnPart> NextPart(absl::Time now);
  void OnReply(const v1::LearnPartReply& reply, absl::Time now, Calls* calls);
  // The call ended: what was sent and not answered is in doubt until the next attach.
  void OnBroken(Calls* calls);
  // For good: everything queued, and all that is asked later, gets `status`.
  void Fail(const absl::Status& status, Calls* calls);
  // Deadlines. What was never sent is withdrawn, with what is queued behind it.
  void Expire(absl::Time now, Calls* calls);

  bool idle() const { return queue_.empty(); }
  // Queued and not sent on this call.
  bool unsent() const { return queue_.size() > in_flight_; }
  std::int64_t queue_bytes() const { return queue_bytes_; }
  bool failed() const { return state_ == State::kFailed; }
  // The server drains: nothing is sent until the call has ended.
  bool draining() const { return draining_; }
  // A reply is outstanding.
  bool in_flight() const { return in_flight_ > 0 || (state_ == State::kAttaching && !draining_); }
  // Nothing is sent before it.
  absl::Time resume_at() const { return resume_at_; }
  const std::string& stream() const { return stream_; }
  const Numbers& numbers() const { return numbers_; }
  std::uint64_t next_seq() const { return next_seq_; }
  const v1::AttachResult& attachment() const { return attachment_; }

 private:
  enum class State { kDetached, kAttaching, kAttached, kFailed };

  struct Entry {
    v1::LearnPart part;       // its body; the rest is filled in when it is sent
    std::uint32_t steps = 0;  // 0: not an observation
    bool one_target_row = false;
    std::int64_t bytes = 0;
    std::shared_ptr<Operation> operation;  // null once answered
    absl::Time deadline = absl::InfiniteFuture();
    bool sent = false;      // on the present call
    bool in_doubt = false;  // sent on an earlier one, fate not known yet
    bool orphaned = false;  // sent, and a step before it was refused

    bool is_observe() const { return steps > 0; }
    bool is_barrier() const { return part.has_settle() || part.has_reset(); }
    std::uint64_t first_seq() const { return part.observe().first_seq(); }
    std::uint64_t last_seq() const { return first_seq() + steps - 1; }
  };

  void Push(Entry entry);
  bool Admit(std::int64_t bytes, Operation* operation, Calls* calls);
  // Splits queue_[index] so that its first `steps` steps stand alone.
  void Split(std::size_t index, std::uint32_t steps);
  void CutToWindow(std::size_t index);
  bool Fits(const Entry& entry) const;

  void Accept(std::size_t index, const v1::LearnPartReply& reply, Calls* calls);
  bool GoBack(Entry* entry, const absl::Status& status, absl::Time now);
  void Refuse(std::size_t index, const absl::Status& status, Calls* calls);
  // Drops what is queued and unsent from `index` on, because `cause` befell the step before.
  void Withdraw(std::size_t index, const absl::Status& cause, Calls* calls);
  void Retain(Entry entry);
  void ReleaseDurable();
  void Take(const v1::LearnPartReply& reply);

  // After attaching again.
  absl::Status CheckAttach(const v1::LearnPartReply& reply) const;
  void Reconcile(Calls* calls);
  void ReconcileObserve(Entry entry, std::deque<Entry>* kept, Calls* calls);
  bool Holds(const v1::LateTargets& targets) const;
  absl::Status CheckContinuity() const;

  const std::string stream_;
  const OutboxLimits limits_;
  std::function<void(absl::Status)> on_attached_;
  State state_ = State::kDetached;
  absl::Status failure_;

  Numbers numbers_;
  v1::AttachResult attachment_;
  bool was_attached_ = false;
  std::uint64_t next_seq_ = 1;
  std::uint64_t next_part_id_ = 1;

  // Sent ones come first but while going back.
  std::deque<Entry> queue_;
  std::deque<Entry> retained_;
  std::int64_t queue_bytes_ = 0, retained_bytes_ = 0;
  // Of the present call: parts, steps and bytes sent and not answered.
  std::size_t in_flight_ = 0;
  std::uint64_t in_flight_steps_ = 0;
  std::int64_t in_flight_bytes_ = 0;
  bool going_back_ = false;
  bool draining_ = false;
  absl::Time resume_at_ = absl::InfinitePast();
  Backoff window_backoff_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_OUTBOX_H_
