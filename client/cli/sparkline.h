// A curve in one line of text: a block of one of eight heights a value, scaled between the smallest
// and the largest that are shown.
//
//   Sparkline({1, 2, 3, 2}, 4)   // "▁▅█▅"
//
// Thread-safe: pure functions.
#ifndef MILLRACE_CLIENT_CLI_SPARKLINE_H_
#define MILLRACE_CLIENT_CLI_SPARKLINE_H_

#include <string>

#include "absl/types/span.h"

namespace millrace::client {

// `columns` characters (UTF-8): the latest values to the right, spaces where there are none yet.
// NaN is a gap; values that are all equal lie at the bottom.
std::string Sparkline(absl::Span<const double> values, std::size_t columns);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_SPARKLINE_H_
