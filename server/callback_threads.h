// How many of gRPC's threads for callbacks run: the others are kept waiting.
//
// gRPC 1.51 keeps half as many threads as there are cores, at least two, for the reactions of all
// services, and one of them at a time waits for the network. Whenever it has something to carry
// out, the next one is woken to take its place: two futex calls and two changes of thread for each
// message, a fourth of a round trip of one step on one core. A thread that is alone just goes back
// to waiting. So the threads that are too many are held: each is given a callback that does not
// return until this object goes.
//
// A thread that saw no event for a second sleeps 100 ms before it looks again, and an idle server
// would keep its next client waiting: something small happens every half second, so that one of
// them is always awake.
//
//   auto threads = CallbackThreads::Hold(server.get(), /*running=*/1);
//
// The threads belong to the process: where it has several servers, one thread at least runs.
// Thread-compatible. Must go before the server is shut down.
#ifndef MILLRACE_SERVER_CALLBACK_THREADS_H_
#define MILLRACE_SERVER_CALLBACK_THREADS_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace millrace::server {

class CallbackThreads {
 public:
  // Leaves `running` of them, all where that is 0. All run, too, where gRPC keeps its threads
  // otherwise than we know.
  static std::unique_ptr<CallbackThreads> Hold(grpc::Server* server, int running);
  ~CallbackThreads();
  CallbackThreads(const CallbackThreads&) = delete;
  CallbackThreads& operator=(const CallbackThreads&) = delete;

  int held() const;
  // What gRPC keeps on this machine.
  static int Kept();

 private:
  explicit CallbackThreads(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}
  // Runs `then` on one of gRPC's threads.
  void OnThread(std::function<void()> then);
  void HoldOne();
  void Beat();

  grpc::GenericStub stub_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int under_way_ = 0;  // callbacks that have not returned
  int held_ = 0;
  bool ending_ = false;
  std::thread beat_;  // last: it uses all the others
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CALLBACK_THREADS_H_
