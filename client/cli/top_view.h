// One frame of `millrace top`: a line a stream, with the course of its loss, in the columns given
// and never fewer than 80.
//
// Pure functions of successive answers; draws nothing itself.
#ifndef MILLRACE_CLIENT_CLI_TOP_VIEW_H_
#define MILLRACE_CLIENT_CLI_TOP_VIEW_H_

#include <map>
#include <string>
#include <vector>

#include "millrace/v1/stream.pb.h"

namespace millrace::client {

struct TopFrame {
  v1::WatchStatsResponse now, before;  // `before` empty in the first frame
  double elapsed_s = 0;                // between them
  std::string server;
  std::size_t columns = 80;
  // Live loss at each frame, oldest first, of every stream; empty for none (a single frame).
  std::map<std::string, std::vector<double>> losses;

  // `response` becomes `now`.
  void Advance(const v1::WatchStatsResponse& response, double seconds_since);
};

// With losses: a column of their course, as wide as the terminal allows. In 80 columns it takes the
// place of the gain, which is the difference of two others.
// Flags at a line's end: F frozen, S serves its shadow, T the learner trails, X a shift that has
// not been recovered from, N channels are silent, I resumed inexactly.
std::vector<std::string> TopLines(const TopFrame& frame);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_TOP_VIEW_H_
