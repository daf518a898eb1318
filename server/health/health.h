// grpc.health.v1 (Check and Watch), and the runtime's health in the log.
//
// The service itself is gRPC's own. The whole server ("") is SERVING from the start until Stop(),
// which is the first act of a drain. "millrace.v1.Learning" is also NOT_SERVING while the store
// takes no observations (out of space), and once a device has failed. Quarantined streams make
// nothing NOT_SERVING: the others serve; they are logged, and millrace_healthy is 0. Thread-safe.
// One thread, which asks the runtime every second.
#ifndef MILLRACE_SERVER_HEALTH_HEALTH_H_
#define MILLRACE_SERVER_HEALTH_HEALTH_H_

#include <grpcpp/health_check_service_interface.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "server/runtime.h"

namespace millrace::server {

inline constexpr char kLearningService[] = "millrace.v1.Learning";

class HealthReporter {
 public:
  // Both outlive it.
  HealthReporter(Runtime* runtime, grpc::HealthCheckServiceInterface* service,
                 absl::Duration period = absl::Seconds(1));
  ~HealthReporter();

  // NOT_SERVING for good.
  void Stop();

 private:
  void Run(absl::Duration period);
  void Report(const absl::Status& health);

  Runtime* const runtime_;
  grpc::HealthCheckServiceInterface* const service_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  absl::Status last_;
  std::thread thread_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_HEALTH_HEALTH_H_
