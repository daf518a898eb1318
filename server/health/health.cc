#include "server/health/health.h"

#include "server/log.h"

namespace millrace::server {

HealthReporter::HealthReporter(Runtime* runtime, grpc::HealthCheckServiceInterface* service,
                               absl::Duration period)
    : runtime_(runtime), service_(service) {
  service_->SetServingStatus("", true);
  service_->SetServingStatus(kLearningService, true);
  thread_ = std::thread([this, period] { Run(period); });
}

HealthReporter::~HealthReporter() { Stop(); }

void HealthReporter::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
  service_->SetServingStatus("", false);
  service_->SetServingStatus(kLearningService, false);
}

void HealthReporter::Run(absl::Duration period) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const absl::Status health = runtime_->Health();
    lock.lock();
    if (stopping_) return;
    Report(health);
    stopped_.wait_for(lock, absl::ToChronoNanoseconds(period), [this] { return stopping_; });
  }
}

void HealthReporter::Report(const absl::Status& health) {
  if (health == last_) return;
  if (health.ok()) {
    Log(Severity::kInfo, "health", {{"status", "OK"}});
  } else {
    Log(Severity::kWarning, "health",
        {{"status", health.ToString(absl::StatusToStringMode::kWithNoExtraData)}});
  }
  last_ = health;
  const bool learns = !absl::IsResourceExhausted(health) && !absl::IsUnavailable(health);
  service_->SetServingStatus(kLearningService, learns);
}

}  // namespace millrace::server
