// A session: one Learn call to one server, shared by the writers of many streams.
//
//   std::shared_ptr<Session> session = client.StartSession();
//   absl::StatusOr<std::unique_ptr<StreamWriter>> writer = session->Attach("left-hand");
//
// It has two threads of its own: one opens the call, writes, and opens it again with exponential
// backoff when it breaks; one reads. Where nothing is unanswered a small part is written by the
// thread that asks, which saves a change of thread: such a write waits for nobody. After a break
// every stream attaches again and sends what the server has not applied, so that nothing is
// observed twice and nothing is left out (outbox.h has the rules). Callbacks run on these threads:
// they must not block, and may ask for more.
//
// Thread-safe. Destroying the last reference ends the call; what is unanswered then is CANCELLED.
#ifndef MILLRACE_CLIENT_CPP_SESSION_H_
#define MILLRACE_CLIENT_CPP_SESSION_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/backoff.h"
#include "client/cpp/learn_call.h"
#include "client/cpp/outbox.h"
#include "grpcpp/channel.h"

namespace millrace::client {

class StreamWriter;

struct SessionOptions {
  // Between attempts to open the call.
  absl::Duration first_backoff = absl::Milliseconds(50);
  absl::Duration most_backoff = absl::Seconds(2);
  std::int64_t message_bytes = 1 << 20;  // parts are gathered into messages of up to this size
  OutboxLimits limits;                   // of each stream
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  static std::shared_ptr<Session> Start(std::shared_ptr<grpc::Channel> channel,
                                        const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Becomes the stream's writer, fencing the one before. Blocks until the server has answered;
  // UNAVAILABLE is tried again until `deadline` passes (DEADLINE_EXCEEDED, with the last cause).
  // `last_durable_seq`: the highest an earlier writer was told, 0 for none; a stream recovered
  // below it answers DATA_LOSS (LOST_STEPS). FAILED_PRECONDITION where this session has a writer of
  // the stream.
  absl::StatusOr<std::unique_ptr<StreamWriter>> Attach(const std::string& stream,
                                                       absl::Duration deadline = absl::Seconds(10),
                                                       std::uint64_t last_durable_seq = 0);

  // How often the call was opened: 1 where it never broke.
  int calls_opened() const;

 private:
  friend class StreamWriter;

  Session(std::shared_ptr<grpc::Channel> channel, const SessionOptions& options);

  // Runs `change` under the lock, then makes the calls that are due.
  void Change(const std::function<void(Calls*)>& change);
  // The same for writers, who ask something of `outbox`: it is on its way as soon as may be.
  void Ask(const Outbox& outbox, const std::function<void(Calls*)>& change);
  bool WritesHere(const Outbox& outbox) const;
  void Remove(const std::string& stream);

  // The pump: the thread that opens, writes, reopens.
  void Pump();
  bool CallWanted() const;
  void OpenCall(std::unique_lock<std::mutex>& lock);
  // One message; false where there is nothing to send. Not while another thread writes.
  bool WriteOnce(std::unique_lock<std::mutex>& lock);
  // For the pump: until no other thread writes.
  void AwaitWriter(std::unique_lock<std::mutex>& lock);
  // Wakes the pump. With the lock held.
  void WakePump();
  void GatherParts(v1::LearnRequest* request);
  // True while streams drain and some replies are still to come.
  bool Drained() const;
  void CloseCall(std::unique_lock<std::mutex>& lock);
  void EndGracefully(std::unique_lock<std::mutex>& lock);

  void OnReply(const v1::LearnReply& reply);
  void OnEnd();

  const SessionOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Learning::Stub> stub_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Everything below is guarded by mutex_.
  std::map<std::string, std::shared_ptr<Outbox>> outboxes_;
  std::unique_ptr<LearnCall> call_;
  bool stopping_ = false;
  bool call_ended_ = false;
  bool changed_ = false;
  bool writing_ = false;         // a thread is in LearnCall::Write
  bool writer_awaited_ = false;  // the pump has something to do when it is out
  bool drains_ = false;          // some stream drains on this call
  bool ticks_ = false;           // the pump looks at deadlines every now and then
  bool asked_ = false;           // since it last did
  std::int64_t unanswered_ = 0;  // parts of this call
  int calls_opened_ = 0;
  absl::Time reopen_at_ = absl::InfinitePast();
  absl::Time drain_until_ = absl::InfiniteFuture();
  absl::Status last_end_;
  std::string serve_first_;  // stream whose turn it is
  Backoff backoff_;
  std::thread pump_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_SESSION_H_
