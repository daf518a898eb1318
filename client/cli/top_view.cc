#include "client/cli/top_view.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "client/cli/sparkline.h"

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

// Cells of one line but for the course of the loss.
struct Row {
  std::string name, step, rate, loss, shadow, gain, recovery, accuracy, flags;
};

// Columns that the course takes; `wide` where the gain has its own beside it.
struct Course {
  std::size_t columns = 0;
  bool wide = true;
};

constexpr std::size_t kColumns = 80;
constexpr std::size_t kGainColumns = 7;
constexpr std::size_t kMostCourse = 60;

Course CourseOf(const TopFrame& frame) {
  if (frame.losses.empty()) return {};
  const std::size_t spare = std::max(frame.columns, kColumns) - kColumns;
  if (spare <= kGainColumns) return {kGainColumns, false};
  return {std::min(spare - 1, kMostCourse), true};
}

std::string Line(const Row& row, const std::string& course, bool wide) {
  std::string line = absl::StrFormat("%-16s %10s %8s %7s %7s ", row.name, row.step, row.rate,
                                     row.loss, row.shadow);
  if (wide) absl::StrAppendFormat(&line, "%7s ", row.gain);
  if (!course.empty()) line += course + " ";
  absl::StrAppendFormat(&line, "%6s %5s ", row.recovery, row.accuracy);
  // The course has more bytes than columns, so what may be cut is cut before.
  return line + row.flags.substr(0, 6);
}

Row RowOf(const v1::StreamStats& stats, const TopFrame& frame) {
  std::string name = stats.stream();
  if (name.size() > 16) name = name.substr(0, 13) + "...";
  return {.name = std::move(name),
          .step = std::to_string(stats.applied_seq()).substr(0, 10),
          .rate = Rate(stats, frame),
          .loss = Figure(stats.has_live_loss(), stats.live_loss(), 7),
          .shadow = Figure(stats.has_shadow_loss(), stats.shadow_loss(), 7),
          .gain = Figure(stats.has_gain(), stats.gain(), 7),
          .recovery = Figure(stats.has_recovery(), stats.recovery(), 6),
          .accuracy = Figure(stats.has_accuracy(), stats.accuracy(), 5),
          .flags = Flags(stats)};
}

}  // namespace

void TopFrame::Advance(const v1::WatchStatsResponse& response, double seconds_since) {
  elapsed_s = seconds_since;
  before = std::move(now);
  now = response;
  for (const v1::StreamStats& stats : now.stats()) {
    std::vector<double>& course = losses[stats.stream()];
    if (course.size() == kMostCourse) course.erase(course.begin());
    course.push_back(stats.has_live_loss() ? stats.live_loss()
                                           : std::numeric_limits<double>::quiet_NaN());
  }
}

std::vector<std::string> TopLines(const TopFrame& frame) {
  const Course course = CourseOf(frame);
  std::string title = course.wide ? "LOSS OVER TIME" : "COURSE";
  title.resize(course.columns, ' ');
  std::vector<std::string> lines = {
      absl::StrFormat("millrace %s: %d streams", frame.server, frame.now.stats_size())
          .substr(0, kColumns),
      Line({"STREAM", "STEP", "STEPS/S", "LOSS", "SHADOW", "GAIN", "RECOV", "ACC", "FLAGS"}, title,
           course.wide)};
  for (const v1::StreamStats& stats : frame.now.stats()) {
    const auto losses = frame.losses.find(stats.stream());
    std::string curve;
    if (course.columns > 0 && losses != frame.losses.end()) {
      curve = Sparkline(losses->second, course.columns);
    }
    lines.push_back(Line(RowOf(stats, frame), curve, course.wide));
  }
  return lines;
}

}  // namespace millrace::client
