// millrace stats, millrace top
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/top_view.h"

namespace millrace::client {
namespace {

// Single keys from standard input while it lives; does nothing where that is no terminal.
class Keys {
 public:
  Keys() {
    if (isatty(STDIN_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~Keys() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  // Waits a tenth of a second for a key; 0 for none.
  char Next() const {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (poll(&input, changed_ ? 1 : 0, 100) <= 0) return 0;
    char key = 0;
    return read(STDIN_FILENO, &key, 1) == 1 ? key : static_cast<char>(0);
  }

 private:
  termios before_ = {};
  bool changed_ = false;
};

// Of standard output; 80 where it has none.
std::size_t TerminalColumns() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

struct TopOptions {
  std::vector<std::string> streams;
  double period_s = 1;
  bool once = false;
};

void Draw(const Context& context, const TopFrame& frame, bool redraw) {
  if (context.json) {
    *context.io.out << Json::Of(frame.now).Text() << std::endl;
    return;
  }
  std::string text = redraw ? "\033[H" : "";
  for (const std::string& line : TopLines(frame)) {
    absl::StrAppend(&text, line, redraw ? "\033[K" : "", "\n");
  }
  if (redraw) text += "q ends\033[K\033[J";
  *context.io.out << text << std::flush;
}

absl::Status Watch(const Context& context, Client& client, const TopOptions& options,
                   const std::string& server) {
  const auto watch =
      client.WatchStats(options.streams, static_cast<std::uint32_t>(options.period_s * 1000));
  std::atomic<bool> ended = false;
  const bool redraw = context.io.out_terminal && !options.once && !context.json;
  if (redraw) *context.io.out << "\033[?25l\033[2J";
  std::thread keys([&] {
    const Keys input;
    while (!ended) {
      const char key = redraw ? input.Next() : static_cast<char>(0);
      if (!redraw) absl::SleepFor(absl::Milliseconds(50));
      if (key == 'q' || key == 'Q' || (context.io.stop != nullptr && *context.io.stop)) {
        ended = true;  // before the watch ends, so that it is known to have been asked for
        watch->Cancel();
      }
    }
  });
  TopFrame frame;
  frame.server = server;
  absl::Time last = absl::Now();
  v1::WatchStatsResponse response;
  bool stopped = false;
  while (!stopped && watch->Next(&response)) {
    const absl::Time now = absl::Now();
    frame.Advance(response, absl::ToDoubleSeconds(now - last));
    if (!redraw) frame.losses.clear();
    frame.columns = TerminalColumns();
    last = now;
    Draw(context, frame, redraw);
    stopped = options.once;
  }
  const bool asked = stopped || ended;
  if (stopped) watch->Cancel();
  ended = true;
  keys.join();
  if (redraw) *context.io.out << "\033[?25h\n" << std::flush;
  const absl::Status status = watch->status();
  return asked ? absl::OkStatus() : status;
}

absl::Status Top(const Context& context, Client& client, TopOptions options,
                 const std::string& server) {
  constexpr std::size_t kMostStreams = 64;
  if (options.streams.empty()) {
    const auto streams = client.ListStreams();
    if (!streams.ok()) return streams.status();
    for (const v1::Stream& stream : *streams) {
      if (options.streams.size() < kMostStreams) options.streams.push_back(stream.id());
    }
    if (options.streams.empty()) {
      return absl::NotFoundError("the server has no streams; open one with millrace stream open");
    }
  }
  return Watch(context, client, options, server);
}

absl::Status Stats(const Context& context, Client& client, const std::string& name) {
  const auto stats = client.GetStats(name);
  if (!stats.ok()) return stats.status();
  context.ShowMembers(*stats);
  return absl::OkStatus();
}

}  // namespace

void AddStatsCommands(CLI::App* app, Context* context) {
  auto name = std::make_shared<std::string>();
  CLI::App* stats = app->add_subcommand("stats", "Show how well a stream adapts");
  stats->add_option("STREAM", *name, "Name of the stream")->required();
  stats->callback(
      [=] { context->action = [=](Client& client) { return Stats(*context, client, *name); }; });

  auto options = std::make_shared<TopOptions>();
  CLI::App* top = app->add_subcommand(
      "top",
      "Watch streams: a line each; q ends. Flags: F frozen, S serves its shadow, T the "
      "learner trails, X shift not recovered from, N silent channels, I resumed inexactly, A the "
      "diagnostics give advice: see stats");
  top->add_option("STREAM", options->streams, "Streams to watch; default the first 64");
  top->add_option("--period_s", options->period_s, "Between frames")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  top->add_flag("--once", options->once, "Print one frame and end");
  top->callback([=] {
    context->shows_progress = true;
    const std::string server = app->get_option("--server")->as<std::string>();
    context->action = [=](Client& client) { return Top(*context, client, *options, server); };
  });
}

}  // namespace millrace::client
