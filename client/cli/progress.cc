#include "client/cli/progress.h"

#include "absl/strings/str_format.h"

namespace millrace::client {
namespace {

constexpr char kClearLine[] = "\r\033[K";

}  // namespace

std::string ProgressLine(const ProgressState& state) {
  std::string name = state.file;
  if (name.size() > 24) name = "..." + name.substr(name.size() - 21);
  std::string line = absl::StrFormat("%d/%d %s %d/%d, %.0f steps/s", state.file_number, state.files,
                                     name, state.steps, state.file_steps, state.steps_per_s);
  if (!state.summary.empty()) line += ", " + state.summary;
  return line.substr(0, 79);
}

void Progress::Update(const ProgressState& state, absl::Time now) {
  next_ = now + absl::Milliseconds(100);
  if (terminal_) err_ << kClearLine << ProgressLine(state) << std::flush;
}

void Progress::FileDone(const ProgressState& state) {
  err_ << (terminal_ ? kClearLine : "") << ProgressLine(state) << std::endl;
}

void Progress::Note(const std::string& text) {
  err_ << (terminal_ ? kClearLine : "") << text << std::endl;
}

}  // namespace millrace::client
