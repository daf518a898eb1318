// Worker threads over streams: carries out a batch of events, the streams side by side, the events
// of one stream in their order.
//
// Results do not depend on the number of threads. Run blocks until the batch is done and may be
// called by one thread at a time.
#ifndef MILLRACE_ENGINE_WORKERS_H_
#define MILLRACE_ENGINE_WORKERS_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

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

// f(i) for all i < count, so many of them a job; on the calling thread where there are no workers.
template <typename F>
void ForEach(std::size_t count, std::size_t of_a_job, Workers* workers, const F& f) {
  const auto some = [&f](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) f(i);
  };
  if (workers == nullptr || count <= of_a_job) return some(0, count);
  std::vector<std::function<void()>> jobs;
  for (std::size_t first = 0; first < count; first += of_a_job) {
    jobs.push_back([&some, first, last = std::min(count, first + of_a_job)] { some(first, last); });
  }
  workers->Run(jobs);
}

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_WORKERS_H_
