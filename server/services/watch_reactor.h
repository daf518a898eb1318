// One WatchStats call: the statistics of some streams, again and again.
//
//   gather (on the pool) -> write -> wait for the period -> gather ...
//
// One step is under way at a time. A stream that does not exist when the watch begins is NOT_FOUND;
// one that goes away later is left out of the replies. A slow reader gets fewer replies, never a
// backlog. Ends with CANCELLED when the client goes away, UNAVAILABLE (DRAINING) when the server
// ends. Thread-safe.
#ifndef MILLRACE_SERVER_SERVICES_WATCH_REACTOR_H_
#define MILLRACE_SERVER_SERVICES_WATCH_REACTOR_H_

#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <string>

#include "millrace/v1/stats.pb.h"
#include "server/services/unary.h"

namespace millrace::server {

class WatchReactor final : public grpc::ServerWriteReactor<v1::WatchStatsResponse>,
                           public LongCall,
                           public std::enable_shared_from_this<WatchReactor> {
 public:
  static WatchReactor* Start(const Site& site, const std::string& principal,
                             const v1::WatchStatsRequest& request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void DrainCall() override;

 private:
  // What is under way.
  enum class Step { kIdle, kGather, kWrite, kWait, kFinished };

  WatchReactor(const Site& site, const v1::WatchStatsRequest& request)
      : site_(site), request_(request) {}
  void Begin(const std::string& principal);
  absl::Status Check(const std::string& principal) const;
  void PostGather();
  void Gather();
  // NOT_FOUND and the like only at the first time.
  absl::Status Collect(v1::WatchStatsResponse* response, bool first) const;
  void OnPeriod();
  // With the lock held: ends the call now if only time is being waited for, else when the step
  // that is under way comes back.
  void End(const absl::Status& status);
  void FinishWith(const absl::Status& status);

  const Site site_;
  const v1::WatchStatsRequest request_;
  std::shared_ptr<WatchReactor> self_;
  bool entered_ = false;

  std::mutex mutex_;
  Step step_ = Step::kIdle;
  bool first_ = true;
  absl::Status ending_;  // not OK: end with it as soon as may be
  v1::WatchStatsResponse response_;
  grpc::Alarm period_;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_WATCH_REACTOR_H_
