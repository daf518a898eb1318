// Worker threads over streams: carries out a batch of events, the streams side by side, the events
// of one stream in their order.
//
// Results do not depend on the number of threads. Run blocks until the batch is done and may be
// called by one thread at a time.
#ifndef MILLRACE_ENGINE_WORKERS_H_
#define MILLRACE_ENGINE_WORKERS_H_

#include <functional>
#include <memory>

#include "absl/types/span.h"

namespace millrace::engine {

class Workers {
 public:
  // 0: one less than the machine's cores, at least 1. The calling thread works too.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Calls every job once. Jobs must be independent: put the events of one stream into one job.
  void Run(absl::Span<const std::function<void()>> jobs);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_WORKERS_H_
