#include "client/cli/progress.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace millrace::client {
namespace {

constexpr char kClearLine[] = "\r\033[K";

}  // namespace

std::string ProgressLine(const ProgressState& state) {
  const std::string line =
      absl::StrFormat("%d/%d %s %d/%d %.0f/s", state.file_number, state.files, state.file,
                      state.steps, state.file_steps, state.steps_per_s);
  return state.summary.empty() ? line : line + " " + state.summary;
}

void Progress::Update(const ProgressState& state, absl::Time now) {
  next_ = now + absl::Milliseconds(100);
  // A line that wraps cannot be cleared: the file's name gives way.
  constexpr std::size_t kColumns = 79;
  ProgressState fitting = state;
  const std::size_t whole = ProgressLine(state).size();
  if (whole > kColumns) {
    fitting.file = fitting.file.substr(std::min(fitting.file.size(), whole - kColumns));
  }
  if (terminal_) err_ << kClearLine << ProgressLine(fitting).substr(0, kColumns) << std::flush;
}

void Progress::FileDone(const ProgressState& state) {
  err_ << (terminal_ ? kClearLine : "") << ProgressLine(state) << std::endl;
}

void Progress::Note(const std::string& text) {
  err_ << (terminal_ ? kClearLine : "") << text << std::endl;
}

}  // namespace millrace::client
