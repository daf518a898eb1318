#include "engine/workers.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/check.h"

namespace millrace::engine {

// A batch is a generation: threads sleep until the number rises, take jobs by index until none is
// left, and the last one to finish wakes the caller.
struct Workers::Pool {
  std::mutex mutex;
  std::condition_variable start, done;
  std::uint64_t generation = 0;                  // guarded by mutex
  bool stopping = false;                         // guarded by mutex
  std::size_t busy = 0;                          // guarded by mutex: threads still in the batch
  absl::Span<const std::function<void()>> jobs;  // written under mutex while nobody is busy
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;

  void TakeJobs() {
    for (std::size_t i = next.fetch_add(1); i < jobs.size(); i = next.fetch_add(1)) jobs[i]();
  }
  void Loop();
};

void Workers::Pool::Loop() {
  std::uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex);
      start.wait(lock, [&] { return stopping || generation != seen; });
      if (stopping) return;
      seen = generation;
    }
    TakeJobs();
    const std::lock_guard<std::mutex> lock(mutex);
    if (--busy == 0) done.notify_one();
  }
}

Workers::Workers(int threads) : pool_(std::make_unique<Pool>()) {
  if (threads == 0)
    threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
  MILLRACE_CHECK(threads > 0);
  for (int i = 1; i < threads; ++i) {  // the caller of Run is the first
    pool_->threads.emplace_back([this] { pool_->Loop(); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard<std::mutex> lock(pool_->mutex);
    pool_->stopping = true;
  }
  pool_->start.notify_all();
  for (std::thread& thread : pool_->threads) thread.join();
}

void Workers::Run(absl::Span<const std::function<void()>> jobs) {
  if (jobs.size() < 2 || pool_->threads.empty()) {
    for (const std::function<void()>& job : jobs) job();
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(pool_->mutex);
    pool_->jobs = jobs;
    pool_->next.store(0);
    pool_->busy = pool_->threads.size();
    ++pool_->generation;
  }
  pool_->start.notify_all();
  pool_->TakeJobs();
  std::unique_lock<std::mutex> lock(pool_->mutex);
  pool_->done.wait(lock, [this] { return pool_->busy == 0; });
}

}  // namespace millrace::engine
