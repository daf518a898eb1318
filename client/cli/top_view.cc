#include "client/cli/top_view.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_format.h"

namespace millrace::client {
namespace {

// At most `width` characters.
std::string Figure(bool present, double value, int width) {
  if (!present) return "-";
  for (int digits = 4; digits >= 0; --digits) {
    std::string text = absl::StrFormat("%.*f", digits, value);
    if (text.size() <= static_cast<std::size_t>(width)) return text;
  }
  return absl::StrFormat("%.1e", value).substr(0, static_cast<std::size_t>(width));
}

std::string Flags(const v1::StreamStats& stats) {
  std::string flags;
  if (stats.frozen()) flags += 'F';
  if (stats.serving() == "shadow") flags += 'S';
  // Where targets are next inputs the last step is always open.
  if (stats.trailing_steps() > 1) flags += 'T';
  if (!stats.marks().empty()) {
    const v1::ShiftMark& last = *stats.marks().rbegin();
    if (last.cause() == v1::ShiftMark::CAUSE_LOSS && !last.has_units_to_recover() &&
        !last.censored()) {
      flags += 'X';
    }
  }
  if (!stats.silent_channels().empty()) flags += 'N';
  if (stats.resumed_inexactly()) flags += 'I';
  if (!stats.advice().empty()) flags += 'A';
  return flags;
}

std::string Rate(const v1::StreamStats& stats, const TopFrame& frame) {
  for (const v1::StreamStats& before : frame.before.stats()) {
    if (before.stream() != stats.stream() || frame.elapsed_s <= 0) continue;
    const double steps =
        static_cast<double>(stats.applied_seq()) - static_cast<double>(before.applied_seq());
    return Figure(true, std::max(0.0, steps) / frame.elapsed_s, 8);
  }
  return "-";
}

}  // namespace

std::vector<std::string> TopLines(const TopFrame& frame) {
  constexpr char kFormat[] = "%-16s %10s %8s %7s %7s %7s %6s %5s %s";
  std::vector<std::string> lines;
  lines.push_back(absl::StrFormat("millrace %s: %d streams", frame.server, frame.now.stats_size())
                      .substr(0, 80));
  lines.push_back(absl::StrFormat(kFormat, "STREAM", "STEP", "STEPS/S", "LOSS", "SHADOW", "GAIN",
                                  "RECOV", "ACC", "FLAGS"));
  for (const v1::StreamStats& stats : frame.now.stats()) {
    std::string name = stats.stream();
    if (name.size() > 16) name = name.substr(0, 13) + "...";
    lines.push_back(absl::StrFormat(kFormat, name, std::to_string(stats.applied_seq()),
                                    Rate(stats, frame),
                                    Figure(stats.has_live_loss(), stats.live_loss(), 7),
                                    Figure(stats.has_shadow_loss(), stats.shadow_loss(), 7),
                                    Figure(stats.has_gain(), stats.gain(), 7),
                                    Figure(stats.has_recovery(), stats.recovery(), 6),
                                    Figure(stats.has_accuracy(), stats.accuracy(), 5), Flags(stats))
                        .substr(0, 80));
  }
  return lines;
}

}  // namespace millrace::client
