// The writer of one stream: observations out, predictions back; targets whenever they are known.
//
//   auto writer = session->Attach("left-hand").value();
//   absl::StatusOr<Observed> bin = writer->Step(counts);            // one step, waits
//   std::future<absl::StatusOr<Observed>> bulk = writer->Observe(hour);   // T steps, does not wait
//   writer->LateTargets(trial).get();
//
// What is asked first is sent first. Steps are numbered here, from the server's applied_seq on.
// Nothing that is asked is ever learned from twice, whatever breaks; see outbox.h for the rules and
// for what comes back when a reply was lost. Deadlines: DEADLINE_EXCEEDED says by its reason
// whether the part was withdrawn (NOT_SENT) or may have been applied (IN_DOUBT). DRAINING and
// UNAVAILABLE are tried again until the deadline; FENCED and STALE_EPOCH end the writer.
//
// Thread-safe. Callbacks run on the session's threads and must not block. Destroying the writer
// detaches: what is unanswered is CANCELLED (it may have been applied).
#ifndef MILLRACE_CLIENT_CPP_STREAM_WRITER_H_
#define MILLRACE_CLIENT_CPP_STREAM_WRITER_H_

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/operation.h"
#include "client/cpp/session.h"

namespace millrace::client {

// Unless an operation is given another.
inline constexpr absl::Duration kOperationDeadline = absl::Seconds(30);

class StreamWriter {
 public:
  ~StreamWriter();
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  const std::string& stream() const;
  // As last said by the server.
  Numbers numbers() const;
  // Number that the next observed step will have.
  std::uint64_t next_seq() const;
  // Open steps whose targets the server held when this writer attached last, rising.
  std::vector<std::uint64_t> held_targets() const;

  // T steps in one or more parts. The result comes once, when the last part is answered.
  void Observe(Observation observation, ObserveCallback callback,
               absl::Duration deadline = kOperationDeadline);
  std::future<absl::StatusOr<Observed>> Observe(Observation observation,
                                                absl::Duration deadline = kOperationDeadline);
  // One step with input x [d]. Waits.
  absl::StatusOr<Observed> Step(absl::Span<const float> x,
                                absl::Duration deadline = kOperationDeadline);

  // One release. Targets that the server holds already are no error here.
  void LateTargets(v1::LateTargets targets, AcknowledgeCallback callback,
                   absl::Duration deadline = kOperationDeadline);
  std::future<absl::StatusOr<Acknowledged>> LateTargets(
      v1::LateTargets targets, absl::Duration deadline = kOperationDeadline);
  // The learner runs through every closed step.
  std::future<absl::StatusOr<Acknowledged>> Settle(absl::Duration deadline = kOperationDeadline);
  // Between the steps asked before and after. Where it must not happen twice whatever breaks, use
  // `reset_before` of the next observation.
  std::future<absl::StatusOr<Acknowledged>> Reset(absl::Duration deadline = kOperationDeadline);

 private:
  friend class Session;

  StreamWriter(std::shared_ptr<Session> session, std::shared_ptr<Outbox> outbox);
  void Other(v1::LearnPart body, AcknowledgeCallback callback, absl::Duration deadline);
  std::future<absl::StatusOr<Acknowledged>> Other(v1::LearnPart body, absl::Duration deadline);

  const std::shared_ptr<Session> session_;
  const std::shared_ptr<Outbox> outbox_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_STREAM_WRITER_H_
