// One Learn call: parts in, replies out, each at its own pace.
//
// Phases; "pending" is a part that the runtime has not answered, a reply that is not written, or a
// note of a durable_seq that is not written.
//
//   phase        reads                       writes    what it becomes
//   open         one at a time, while the    as they   half-closed when the client ends its side,
//                call holds less than its    come      draining when the server ends, cancelled
//                byte budget; see below                when the client goes away
//   half-closed  none                        yes       finished OK when nothing is pending
//   draining     none; one already begun is  yes       finished UNAVAILABLE (DRAINING) when nothing
//                dropped (its parts are not            is pending
//                answered, so the client
//                sends them again)
//   cancelled    none                        none      finished CANCELLED once no write is going
//   finished     none                        none      gone, when gRPC says so and the runtime
//                                                      has answered the parts it still holds
//
// A half-closed call that drains, and a draining one whose client closes, stay what they are. In
// every phase a cancellation wins until the call is finished.
//
// What the call holds (its budget): bytes of parts not answered and of replies not written. Replies
// are written as they come; while one message is being written the next ones gather and share a
// message, up to `merge_bytes`. Notes of durable_seq are replies with part_id 0, at most one a
// stream waits, and one that a later reply covers is dropped.
//
// Where all is answered and the last reply is just being written, the next read waits for the
// write: gRPC would acknowledge the message that was read in a packet of its own, for which the
// client wakes. A write that takes long (the client does not read) does not hold up reads: after
// kWriteStalls they go on as if there were none.
//
// Of a message of several parts the replies that are there once all of it has gone to the runtime
// share a message. A client that is ahead, whose next message is there when it is asked for, is
// answered to several messages at once: it is read first, and the replies wait until no further
// message is there, their bytes make a message, or kLongestHold is over. So such a client is woken
// once for many, and does not take the core before the next of its messages is read. One that waits
// for its reply gets it as ever. Of the replies of one batch of the runtime all wait for the last.
//
// A part whose call was cancelled before its journal write is not applied (PartTask::wanted).
// Parts of one call go to the runtime in the order they came; the runtime answers those of one
// stream in that order, so a slow stream holds up no other.
//
// Thread-safe: gRPC's reactions, the runtime's answers and the drain come on their own threads. The
// lock is never held across a call into the runtime.
#ifndef MILLRACE_SERVER_SERVICES_LEARN_REACTOR_H_
#define MILLRACE_SERVER_SERVICES_LEARN_REACTOR_H_

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "millrace/v1/learn.pb.h"
#include "server/services/unary.h"

namespace millrace::server {

class LearnReactor final : public grpc::ServerBidiReactor<v1::LearnRequest, v1::LearnReply>,
                           public LongCall,
                           public std::enable_shared_from_this<LearnReactor> {
 public:
  // The call owns itself until it is gone. `site` is copied.
  static LearnReactor* Start(const Site& site, std::string principal,
                             grpc::CallbackServerContext* context);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void DrainCall() override;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { kOpen, kHalfClosed, kDraining, kCancelled, kFinished };
  struct Outgoing {
    v1::LearnPartReply reply;
    std::int64_t bytes = 0;
  };
  struct DurableNote {
    std::uint64_t epoch = 0, durable_seq = 0;
  };

  // What gRPC calls when it comes to it.
  struct Behind final : grpc_completion_queue_functor {
    Behind();
    std::shared_ptr<LearnReactor> call;
  };

  LearnReactor(const Site& site, std::string principal, grpc_call* call);
  void Begin();

  void TakeParts(v1::LearnRequest* request);
  void Submit(v1::LearnPart part, std::int64_t bytes);
  // More: another answer follows at once.
  void Answered(std::int64_t request_bytes, v1::LearnPartReply reply, bool more);
  // Hears of the stream's durable_seq from now on.
  void Follow(const std::string& stream, std::uint64_t writer_token);
  void NoteDurable(const std::string& stream, std::uint64_t epoch, std::uint64_t durable_seq);

  // With the lock held: starts whatever the state allows.
  void Advance();
  void WriteNext();
  bool Pending() const;
  // Should the next read wait for the write that is going? Sees to it that it does not for long.
  bool ReadWaits();
  void LookAtWrite(std::uint64_t write);
  // Was the message that came waited for, or is the client ahead?
  void NoteArrival(bool several_parts);
  bool WriteWaits() const;
  // Finds out whether the message that is asked for is there already.
  void Look();
  void Looked();
  void FinishWith(const absl::Status& status);

  const Site site_;
  const std::string principal_;
  grpc_call* const call_;
  std::shared_ptr<LearnReactor> self_;
  bool entered_ = false;  // the gate let it in
  std::atomic<bool> cancelled_{false};

  std::mutex mutex_;
  Phase phase_ = Phase::kOpen;
  bool reading_ = false;  // until the message read has gone to the runtime
  bool writing_ = false;
  std::uint64_t writes_ = 0;   // begun
  bool watched_ = false;       // the alarm is set
  bool write_stalls_ = false;  // the write that is going takes long
  grpc::Alarm alarm_;
  std::uint64_t reads_ = 0;  // begun
  Clock::time_point read_begun_;
  bool waited_ = false;        // what is being read was not there already
  std::uint64_t burst_ = 0;    // messages that came one right after the other, up to now
  bool client_ahead_ = false;  // the message that came was there already
  bool taking_ = false;        // it is on its way to the runtime
  bool gathering_ = false;     // and its replies wait until it is there
  bool holding_ = false;       // replies wait for the next one
  Clock::time_point held_since_;
  bool looking_ = false;
  std::uint64_t looked_for_ = 0;  // reads_ then
  Behind behind_;
  v1::LearnRequest request_;  // being read
  v1::LearnReply reply_;      // being written
  std::int64_t unanswered_parts_ = 0;
  std::int64_t held_bytes_ = 0, writing_bytes_ = 0, outbox_bytes_ = 0;
  std::deque<Outgoing> outbox_;
  std::map<std::string, DurableNote> notes_;            // by stream
  std::map<std::string, std::uint64_t> writer_tokens_;  // listened to, by stream
  grpc::StatusCode code_ = grpc::StatusCode::OK;        // it finished with
};

// What a part needs, for LearnOnce too: observations need observe, what teaches needs learn.
absl::Status AuthorizePart(const Authorizer& authorizer, const std::string& principal,
                           const v1::LearnPart& part);

// The reply to a part that never reached the runtime; counts it as refused.
v1::LearnPartReply RefusedPart(const Site& site, const v1::LearnPart& part,
                               const absl::Status& status);

// RESOURCE_EXHAUSTED (LIMIT): the message has more parts than the server takes.
absl::Status TooManyParts(std::int64_t limit);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_LEARN_REACTOR_H_
