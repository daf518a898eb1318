// One frame of `millrace top`: a line a stream, in at most 80 columns.
//
// Pure function of two successive answers; draws nothing itself.
#ifndef MILLRACE_CLIENT_CLI_TOP_VIEW_H_
#define MILLRACE_CLIENT_CLI_TOP_VIEW_H_

#include <string>
#include <vector>

#include "millrace/v1/stream.pb.h"

namespace millrace::client {

struct TopFrame {
  v1::WatchStatsResponse now, before;  // `before` empty in the first frame
  double elapsed_s = 0;                // between them
  std::string server;
};

// Flags at a line's end: F frozen, S serves its shadow, T the learner trails, X a shift that has
// not been recovered from, N channels are silent, I resumed inexactly.
std::vector<std::string> TopLines(const TopFrame& frame);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_TOP_VIEW_H_
