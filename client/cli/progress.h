// Progress of a replay on standard error: one line that redraws itself on a terminal, one line a
// finished file elsewhere. Thread-compatible.
#ifndef MILLRACE_CLIENT_CLI_PROGRESS_H_
#define MILLRACE_CLIENT_CLI_PROGRESS_H_

#include <cstddef>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace millrace::client {

struct ProgressState {
  std::string file;  // its name, without folders
  std::size_t file_number = 1, files = 1;
  std::size_t steps = 0, file_steps = 0;  // played of this file, and all
  double steps_per_s = 0;
  std::string summary;  // running score
};

class Progress {
 public:
  Progress(std::ostream* err, bool terminal) : err_(*err), terminal_(terminal) {}

  // Cheap to call often: redraws ten times a second. `now` from any steady source.
  bool Due(absl::Time now) const { return terminal_ && now >= next_; }
  void Update(const ProgressState& state, absl::Time now);
  void FileDone(const ProgressState& state);
  // A remark on a line of its own.
  void Note(const std::string& text);

 private:
  std::ostream& err_;
  const bool terminal_;
  absl::Time next_ = absl::InfinitePast();
};

// Without the newline, e.g. "2/14 s11.npy 640/3051 11000/s accuracy 0.912 (shadow 0.703)".
std::string ProgressLine(const ProgressState& state);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_PROGRESS_H_
