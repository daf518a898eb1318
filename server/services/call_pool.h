// Threads that may wait: gRPC's own must not, and administrative calls are events that wait for
// what was submitted to their stream before them.
//
// First come, first served; the queue is bounded by the gate's limit of unary calls. Thread-safe.
// Destruction runs what was posted, then joins.
#ifndef MILLRACE_SERVER_SERVICES_CALL_POOL_H_
#define MILLRACE_SERVER_SERVICES_CALL_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::server {

class CallPool {
 public:
  explicit CallPool(int threads);
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  void Post(std::function<void()> work);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> queue_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_CALL_POOL_H_
