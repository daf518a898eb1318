// SIGTERM and SIGINT: the first one asks for a drain, a second one ends the process at once.
//
//   StopSignals signals;     // first thing in main: every thread made later inherits the mask
//   ... start ...
//   signals.Serving();
//   signals.Wait();          // until the first one
//   ... drain; a second one meanwhile ends the process with status 128 + its number ...
//
// Ending at once loses nothing: what was acknowledged is in the journal. Until Serving() the first
// one ends the process at once too. One of it a process.
#ifndef MILLRACE_SERVER_SIGNALS_H_
#define MILLRACE_SERVER_SIGNALS_H_

#include <condition_variable>
#include <mutex>

namespace millrace::server {

class StopSignals {
 public:
  StopSignals();
  void Serving();
  // The number of the first signal.
  int Wait();

 private:
  void Watch();

  std::mutex mutex_;
  std::condition_variable came_;
  bool serving_ = false;
  int signal_ = 0;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SIGNALS_H_
