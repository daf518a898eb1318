#include "client/cli/sparkline.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::client {

std::string Sparkline(absl::Span<const double> values, std::size_t columns) {
  static constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (values.size() > columns) values.remove_prefix(values.size() - columns);
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  std::string line(columns - values.size(), ' ');
  for (const double value : values) {
    if (!std::isfinite(value)) {
      line += ' ';
      continue;
    }
    const double height = most > least ? (value - least) / (most - least) : 0;
    line += kBlocks[std::min<std::size_t>(7, static_cast<std::size_t>(height * 8))];
  }
  return line;
}

}  // namespace millrace::client
