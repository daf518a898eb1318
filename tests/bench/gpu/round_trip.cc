// Many streams that have a step due every 20 ms, in messages of hundreds of streams, through a
// server: millraced, or the echo of tests/bench. Open loop; prints one JSON object.
//
//   gpu_round_trip HOST:PORT [--echo] [--cpu] [--streams N] [--per_message N] [--calls N]
//                  [--units N] [--inputs N] [--seconds S]
//
// Creates a model (vanilla, immediate, RMSprop) on the CUDA device, or with --cpu on the CPU, and
// opens its streams; with --echo there is nothing to create. Messages are evenly spread over the 20
// ms and over some Learn calls, and sent when they are due, whatever is unanswered. A step's
// latency counts from the moment it was due to its reply; above 20 ms it has missed its deadline.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/v1/learn.grpc.pb.h"
#include "millrace/v1/model.grpc.pb.h"
#include "millrace/v1/stream.grpc.pb.h"

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::nanoseconds kCadence = std::chrono::milliseconds(20);
constexpr int kOutputs = 4;

struct Options {
  std::string server;
  bool echo = false, cpu = false;
  int streams = 10000, per_message = 256, calls = 4, units = 256, inputs = 192;
  double seconds = 60;
};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "gpu_round_trip: %s\n", what.c_str());
  std::exit(1);
}

void Need(const grpc::Status& status) {
  if (!status.ok()) Die(status.error_message());
}

std::string NameOf(int stream) { return "gpu-" + std::to_string(stream); }

Options Parse(int argc, char** argv) {
  if (argc < 2) Die("expected HOST:PORT; see the head of round_trip.cc");
  Options options;
  options.server = argv[1];
  const std::pair<const char*, int*> numbers[] = {{"--streams", &options.streams},
                                                  {"--per_message", &options.per_message},
                                                  {"--calls", &options.calls},
                                                  {"--units", &options.units},
                                                  {"--inputs", &options.inputs}};
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--echo" || word == "--cpu") {
      (word == "--echo" ? options.echo : options.cpu) = true;
      continue;
    }
    if (i + 1 == argc) Die("got '" + word + "' without a value, or an unknown flag");
    if (word == "--seconds") options.seconds = std::atof(argv[i + 1]);
    const auto* const found = std::find_if(std::begin(numbers), std::end(numbers),
                                           [&](const auto& flag) { return word == flag.first; });
    if (found != std::end(numbers)) *found->second = std::atoi(argv[i + 1]);
    if (found == std::end(numbers) && word != "--seconds") Die("got '" + word + "'; no such flag");
    ++i;
  }
  return options;
}

void SetInteger(const char* name, int value, v1::Part* part) {
  v1::Setting* const setting = part->add_settings();
  setting->set_name(name);
  setting->set_integer(value);
}

void CreateAll(const Options& options, const std::shared_ptr<grpc::Channel>& channel) {
  v1::CreateModelRequest create;
  create.set_name("gpu");
  v1::ModelSpec& spec = *create.mutable_spec();
  spec.mutable_input()->set_name("vector");
  SetInteger("size", options.inputs, spec.mutable_input());
  spec.mutable_cell()->set_name("vanilla");
  SetInteger("units", options.units, spec.mutable_cell());
  spec.mutable_head()->set_name("linear");
  SetInteger("outputs", kOutputs, spec.mutable_head());
  spec.mutable_loss()->set_name("mean_squared_error");
  spec.mutable_rule()->set_name("immediate");
  spec.mutable_optimizer()->set_name("rmsprop");
  spec.set_durability(v1::DURABILITY_APPLIED);
  if (!options.cpu) spec.set_device(v1::DEVICE_CUDA);
  const auto models = v1::Models::NewStub(channel);
  grpc::ClientContext context;
  v1::Model model;
  Need(models->CreateModel(&context, create, &model));
  const auto streams = v1::Streams::NewStub(channel);
  for (int i = 0; i < options.streams; ++i) {
    v1::OpenStreamRequest open;
    open.set_id(NameOf(i));
    open.set_model("gpu");
    open.set_seed(static_cast<std::uint64_t>(i));
    grpc::ClientContext of_stream;
    v1::OpenStreamResponse opened;
    Need(streams->OpenStream(&of_stream, open, &opened));
  }
}

// One Learn call with the streams [first, last), in messages of some of them.
class Caller {
 public:
  Caller(const Options& options, int first, int last)
      : options_(options),
        first_(first),
        stub_(v1::Learning::NewStub(Channel(options))),
        call_(stub_->Learn(&context_)),
        answered_(static_cast<std::size_t>(last - first), 0) {
    for (int from = first; from < last; from += options.per_message) {
      messages_.push_back(MessageOf(from, std::min(last, from + options.per_message)));
    }
    for (v1::LearnRequest& message : messages_) Attach(&message);
  }

  // A channel of its own, so that calls do not share a connection.
  static std::shared_ptr<grpc::Channel> Channel(const Options& options) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments);
  }

  std::size_t messages() const { return messages_.size(); }

  // Sends `ticks` times every message; message m of a tick is due m gaps after the first.
  void Send(Clock::time_point start, std::chrono::nanoseconds gap, std::int64_t ticks) {
    start_ = start;
    gap_ = gap;
    for (std::int64_t tick = 0; tick < ticks; ++tick) {
      for (std::size_t m = 0; m < messages_.size(); ++m) {
        for (v1::LearnPart& part : *messages_[m].mutable_parts()) {
          part.mutable_observe()->set_first_seq(static_cast<std::uint64_t>(tick) + 1);
        }
        std::this_thread::sleep_until(Due(tick, m));
        if (!call_->Write(messages_[m])) return;  // the reader says why
      }
    }
    call_->WritesDone();
  }

  // Milliseconds from when each step was due to its reply.
  std::vector<double> Receive() {
    std::vector<double> times_ms;
    v1::LearnReply reply;
    while (call_->Read(&reply)) {
      const Clock::time_point now = Clock::now();
      for (const v1::LearnPartReply& part : reply.parts()) {
        if (part.status().code() != 0) Die(part.status().message());
        if (part.part_id() == 0) continue;  // a note of durable_seq
        const std::size_t stream = part.part_id() - 1;
        const auto message = stream / static_cast<std::size_t>(options_.per_message);
        const auto late = now - Due(answered_[stream]++, message);
        times_ms.push_back(std::chrono::duration<double, std::milli>(late).count());
      }
    }
    Need(call_->Finish());
    return times_ms;
  }

 private:
  Clock::time_point Due(std::int64_t tick, std::size_t message) const {
    return start_ + tick * kCadence + static_cast<std::int64_t>(message) * gap_;
  }

  v1::LearnRequest MessageOf(int from, int to) const {
    std::minstd_rand random(static_cast<std::uint32_t>(from + 1));
    std::normal_distribution<float> normal;
    v1::LearnRequest message;
    for (int i = from; i < to; ++i) {
      v1::LearnPart& part = *message.add_parts();
      part.set_part_id(static_cast<std::uint64_t>(i - first_ + 1));
      part.set_stream(NameOf(i));
      v1::Observe& observe = *part.mutable_observe();
      for (int k = 0; k < options_.inputs; ++k) observe.add_floats(normal(random));
      for (int k = 0; k < kOutputs; ++k) observe.mutable_targets()->add_values(normal(random));
    }
    return message;
  }

  // Attaches to the streams of a message, whose parts get what was answered.
  void Attach(v1::LearnRequest* message) {
    v1::LearnRequest attach;
    for (const v1::LearnPart& part : message->parts()) {
      v1::LearnPart& of_stream = *attach.add_parts();
      of_stream.set_part_id(part.part_id());
      of_stream.set_stream(part.stream());
      of_stream.mutable_attach();
    }
    call_->Write(attach);
    const std::uint64_t first_id = message->parts(0).part_id();
    for (int attached = 0; attached < message->parts_size();) {
      v1::LearnReply reply;
      if (!call_->Read(&reply)) Die("the call ended: " + call_->Finish().error_message());
      for (const v1::LearnPartReply& answer : reply.parts()) {
        if (answer.status().code() != 0) Die(answer.status().message());
        v1::LearnPart& part =
            *message->mutable_parts(static_cast<int>(answer.part_id() - first_id));
        part.set_epoch(answer.epoch());
        part.set_writer_token(answer.attach().writer_token());
        ++attached;
      }
    }
  }

  const Options options_;
  const int first_;
  const std::unique_ptr<v1::Learning::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::LearnRequest, v1::LearnReply>> call_;
  std::vector<v1::LearnRequest> messages_;
  Clock::time_point start_;
  std::chrono::nanoseconds gap_{};
  std::vector<std::int64_t> answered_;  // of each stream; the reader's
};

std::vector<double> OpenLoop(const Options& options) {
  std::vector<std::unique_ptr<Caller>> callers;
  std::size_t messages = 0;
  for (int c = 0; c < options.calls; ++c) {
    const auto bound = [&](int of) {
      return static_cast<int>(static_cast<std::int64_t>(options.streams) * of / options.calls);
    };
    callers.push_back(std::make_unique<Caller>(options, bound(c), bound(c + 1)));
    messages = std::max(messages, callers.back()->messages());
  }
  const std::chrono::nanoseconds gap = kCadence / static_cast<std::int64_t>(messages);
  const auto ticks = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(options.seconds * 1e9 / static_cast<double>(kCadence.count())));
  const Clock::time_point start = Clock::now() + kCadence;
  std::vector<std::vector<double>> times_ms(callers.size());
  std::vector<std::thread> threads;
  for (std::size_t c = 0; c < callers.size(); ++c) {
    // Calls begin one after the other within a gap.
    const Clock::time_point begin =
        start + gap * static_cast<std::int64_t>(c) / static_cast<std::int64_t>(callers.size());
    threads.emplace_back([&, c, begin] { callers[c]->Send(begin, gap, ticks); });
    threads.emplace_back([&, c] { times_ms[c] = callers[c]->Receive(); });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const std::vector<double>& times : times_ms)
    all.insert(all.end(), times.begin(), times.end());
  return all;
}

void Run(const Options& options) {
  if (!options.echo) CreateAll(options, Caller::Channel(options));
  std::vector<double> times_ms = OpenLoop(options);
  if (times_ms.empty()) Die("no step was answered");
  std::sort(times_ms.begin(), times_ms.end());
  const auto quantile = [&](double q) {
    return times_ms[static_cast<std::size_t>(q * static_cast<double>(times_ms.size() - 1))];
  };
  const double deadline_ms = std::chrono::duration<double, std::milli>(kCadence).count();
  const auto missed =
      times_ms.end() - std::upper_bound(times_ms.begin(), times_ms.end(), deadline_ms);
  std::printf(
      "{\"server\": \"%s\", \"streams\": %d, \"per_message\": %d, \"calls\": %d, \"units\": %d, "
      "\"inputs\": %d, \"steps\": %zu, \"missed\": %td, \"p50_ms\": %.4g, \"p99_ms\": %.4g, "
      "\"p99_9_ms\": %.4g, \"max_ms\": %.4g}\n",
      options.echo ? "echo" : "millraced", options.streams, options.per_message, options.calls,
      options.units, options.inputs, times_ms.size(), missed, quantile(0.5), quantile(0.99),
      quantile(0.999), times_ms.back());
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  millrace::Run(millrace::Parse(argc, argv));
  return 0;
}
