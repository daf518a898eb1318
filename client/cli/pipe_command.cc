// millrace pipe
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <deque>
#include <future>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cpp/stream_writer.h"

namespace millrace::client {
namespace {

constexpr std::size_t kMostAtOnce = 4096;  // bytes a message
constexpr std::size_t kInFlight = 4;       // messages

struct PipeOptions {
  std::string stream, model;
  bool score_only = false, summary = false;
};

// As in C source, so that a line of output holds one byte whatever it is.
std::string Shown(unsigned char byte) {
  switch (byte) {
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
    case '\\':
      return "\\\\";
    default:
      break;
  }
  if (byte < 0x20 || byte >= 0x7f) return absl::StrFormat("\\x%02x", byte);
  return std::string(1, static_cast<char>(byte));
}

// Bytes from a file descriptor through a stream, and the surprise of each.
class Pipe {
 public:
  Pipe(const Context& context, const PipeOptions& options, StreamWriter* writer)
      : context_(context), options_(options), writer_(*writer) {}

  absl::Status Run();
  void Report() const;

 private:
  struct Pending {
    std::string bytes;
    std::future<absl::StatusOr<Observed>> answer;
  };

  bool Stopped() const { return context_.io.stop != nullptr && *context_.io.stop; }
  // False at the end of the input. Waits for input only where nothing is under way.
  absl::StatusOr<bool> Read();
  void Send(std::string bytes);
  absl::Status TakeFront();
  void Note(std::uint64_t seq, unsigned char byte, double bits);
  void ShowProgress();

  const Context& context_;
  const PipeOptions& options_;
  StreamWriter& writer_;
  std::deque<Pending> pending_;
  std::uint64_t bytes_ = 0, scored_ = 0;
  double bits_ = 0;
  Json surprise_ = Json::Array();
  Progress progress_{context_.io.err, context_.io.err_terminal && !context_.io.out_terminal};
  absl::Time begin_ = absl::Now();
};

absl::Status Pipe::Run() {
  bool more = true;
  while (more || !pending_.empty()) {
    if (more && pending_.size() < kInFlight && !Stopped()) {
      const auto read = Read();
      if (!read.ok()) return read.status();
      more = *read;
    }
    if (Stopped()) more = false;
    if (pending_.empty()) continue;
    const bool ready =
        pending_.front().answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    if (!more || ready || pending_.size() >= kInFlight) {
      if (absl::Status status = TakeFront(); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Pipe::Read() {
  pollfd input = {context_.io.in, POLLIN, 0};
  // What is under way may be answered at any moment: the wait is short, so that it shows at once.
  const int polled = poll(&input, 1, pending_.empty() ? 100 : 1);
  if (polled <= 0) return true;
  char buffer[kMostAtOnce];
  const ssize_t size = read(context_.io.in, buffer, sizeof(buffer));
  if (size < 0) {
    if (errno == EINTR || errno == EAGAIN) return true;
    return absl::UnknownError(
        absl::StrCat("standard input cannot be read: ", std::strerror(errno)));
  }
  if (size > 0) Send(std::string(buffer, static_cast<std::size_t>(size)));
  return size > 0;
}

void Pipe::Send(std::string bytes) {
  Observation observation;
  observation.steps = static_cast<std::uint32_t>(bytes.size());
  observation.body.set_raw_bytes(bytes);
  observation.body.mutable_want()->set_nothing(true);
  for (std::uint32_t t = 0; options_.score_only && t < observation.steps; ++t) {
    observation.body.add_score_only(t);
  }
  pending_.push_back({std::move(bytes), writer_.Observe(std::move(observation))});
}

absl::Status Pipe::TakeFront() {
  Pending front = std::move(pending_.front());
  pending_.pop_front();
  const auto observed = front.answer.get();
  if (!observed.ok()) return observed.status();
  for (std::size_t t = 0; t < front.bytes.size(); ++t) {
    const double nats =
        t < observed->loss.size() ? observed->loss[t] : std::numeric_limits<double>::quiet_NaN();
    Note(observed->first_seq + t, static_cast<unsigned char>(front.bytes[t]), nats / std::log(2.0));
  }
  *context_.io.out << std::flush;
  ShowProgress();
  return absl::OkStatus();
}

void Pipe::Note(std::uint64_t seq, unsigned char byte, double bits) {
  ++bytes_;
  if (std::isfinite(bits)) {
    ++scored_;
    bits_ += bits;
  }
  if (options_.summary) return;
  if (context_.json) {
    surprise_.Add(bits);
  } else {
    *context_.io.out << seq << '\t' << Shown(byte) << '\t'
                     << (std::isfinite(bits) ? absl::StrFormat("%.4f", bits) : "-") << '\n';
  }
}

void Pipe::ShowProgress() {
  const absl::Time now = absl::Now();
  if (!progress_.Due(now)) return;
  ProgressState state;
  state.file = "standard input";
  state.steps = static_cast<std::size_t>(bytes_);
  state.file_steps = state.steps;
  state.steps_per_s = static_cast<double>(bytes_) / absl::ToDoubleSeconds(now - begin_);
  if (scored_ > 0) {
    state.summary = absl::StrFormat("%.3f bits per byte", bits_ / static_cast<double>(scored_));
  }
  progress_.Update(state, now);
}

void Pipe::Report() const {
  Json object = Json::Object();
  object.Set("stream", options_.stream)
      .Set("bytes", bytes_)
      .Set("scored_bytes", scored_)
      .Set("bits_per_byte", scored_ > 0 ? bits_ / static_cast<double>(scored_)
                                        : std::numeric_limits<double>::quiet_NaN());
  if (!options_.summary) object.Set("surprise", surprise_);
  context_.Show(object, [&](std::ostream& out) {
    out << "# " << bytes_ << " bytes";
    if (scored_ > 0) {
      out << absl::StreamFormat(", %.4f bits per byte", bits_ / static_cast<double>(scored_));
    }
    out << "\n";
  });
}

// The model that the stream is of, or is to be of.
absl::Status CheckBytes(Client& client, const std::string& model) {
  const auto found = client.GetModel(model);
  if (!found.ok()) return found.status();
  if (found->spec().input().name() == "bytes") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("model '", model, "' takes ", found->spec().input().name(),
                   " input; pipe expects a model of bytes (deploy/models/bytes.textproto is one)"));
}

absl::Status RunPipe(const Context& context, Client& client, const PipeOptions& options) {
  if (!options.model.empty()) {
    const auto opened = client.OpenStream(options.stream, {.model = options.model});
    if (!opened.ok()) return opened.status();
  }
  const auto stream = client.GetStream(options.stream);
  if (!stream.ok()) return stream.status();
  if (absl::Status status = CheckBytes(client, stream->model()); !status.ok()) return status;
  const auto session = client.StartSession();
  const auto writer = session->Attach(options.stream);
  if (!writer.ok()) return writer.status();
  Pipe pipe(context, options, writer->get());
  const absl::Status status = pipe.Run();
  if (status.ok()) pipe.Report();
  return status;
}

}  // namespace

void AddPipeCommand(CLI::App* app, Context* context) {
  auto options = std::make_shared<PipeOptions>();
  CLI::App* pipe = app->add_subcommand(
      "pipe",
      "Learn from the bytes of standard input; print number, byte and surprise in bits of each, "
      "and bits per byte at the end");
  pipe->add_option("STREAM", options->stream, "Name of the stream")->required();
  pipe->add_option("--model", options->model, "Open the stream, new or not, with this model")
      ->type_name("MODEL");
  pipe->add_flag("--score_only", options->score_only, "Predict and score, but do not learn");
  pipe->add_flag("--summary", options->summary, "Only bits per byte, at the end");
  pipe->callback([=] {
    context->shows_progress = true;
    context->action = [=](Client& client) { return RunPipe(*context, client, *options); };
  });
}

}  // namespace millrace::client
