// Says on a terminal what is being waited for, and how long already: a line that redraws itself
// from one second on, and is gone when the wait is over. Nothing is printed before.
//
//   const Waiting waiting(&std::cerr, "stream settle");   // "" for silence
//
// One thread while it lives, none for "". Thread-compatible; nobody else writes to `err` meanwhile.
#ifndef MILLRACE_CLIENT_CLI_WAITING_H_
#define MILLRACE_CLIENT_CLI_WAITING_H_

#include <condition_variable>
#include <mutex>
#include <ostream>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace millrace::client {

class Waiting {
 public:
  Waiting(std::ostream* err, std::string what, absl::Duration first = absl::Seconds(1));
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  void Run(std::ostream* err, const std::string& what, absl::Duration first);

  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_WAITING_H_
