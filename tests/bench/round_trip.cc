// The client of the round-trip benchmark: the same calls to millraced and to the echo.
//
//   round_trip_bench HOST:PORT STREAM INPUTS OUTPUTS SECONDS MEASUREMENT...
//
// Attaches to STREAM-0 .. STREAM-63. Every step carries its target and is learned from. Measures,
// in the order given and SECONDS each:
//   single      one step of one stream a message, each after the reply to the one before
//   pipelined   one step of one stream a message, up to 64 messages under way
//   bulk        64 steps of one stream a message, up to 16 messages under way
//   streams     one step of each stream under way, the next as soon as it is answered
//   open:N      open loop: N streams have a step due every 20 ms, evenly spread over the 20 ms, and
//               send it then, whatever is unanswered; latency counts from the moment it was due
// Prints one JSON object.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <array>
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

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;
using Call = grpc::ClientReaderWriter<v1::LearnRequest, v1::LearnReply>;

constexpr int kBulkSteps = 64;
constexpr std::size_t kBulkUnderWay = 16;
constexpr std::size_t kUnderWay = 64;
constexpr std::size_t kStreams = 64;
constexpr std::chrono::nanoseconds kCadence = std::chrono::milliseconds(20);

struct Options {
  std::string server, stream;
  int inputs = 0, outputs = 0;
  double seconds = 0;
  std::vector<std::string> measurements;
};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "round_trip_bench: %s\n", what.c_str());
  std::exit(1);
}

struct Place {
  std::string stream;
  std::uint64_t epoch = 0, token = 0, next_seq = 1;
};

class Benchmark {
 public:
  explicit Benchmark(const Options& options)
      : options_(options),
        stub_(v1::Learning::NewStub(
            grpc::CreateChannel(options.server, grpc::InsecureChannelCredentials()))),
        call_(stub_->Learn(&context_)) {
    v1::LearnRequest request;
    for (std::size_t i = 0; i < kStreams; ++i) {
      places_[i].stream = options.stream + "-" + std::to_string(i);
      v1::LearnPart* part = request.add_parts();
      part->set_part_id(i + 1);
      part->set_stream(places_[i].stream);
      part->mutable_attach();
    }
    call_->Write(request);
    for (std::size_t attached = 0; attached < kStreams;) {
      for (const v1::LearnPartReply& reply : Read()) {
        Place& place = places_[reply.part_id() - 1];
        place.epoch = reply.epoch();
        place.token = reply.attach().writer_token();
        place.next_seq = reply.applied_seq() + 1;
        ++attached;
      }
    }
  }

  ~Benchmark() {
    call_->WritesDone();
    v1::LearnReply rest;
    while (call_->Read(&rest)) {
    }
    call_->Finish();
  }

  // Microseconds of each round trip of one step.
  std::vector<double> SingleSteps(double seconds) {
    v1::LearnRequest request;
    *request.add_parts() = Part(1);
    std::vector<double> times_us;
    const Clock::time_point start = Clock::now();
    for (Clock::time_point begin = start; Since(start) < seconds;) {
      Number(0, request.mutable_parts(0));
      call_->Write(request);
      while (Read().empty()) {
      }
      const Clock::time_point now = Clock::now();
      times_us.push_back(1e6 * std::chrono::duration<double>(now - begin).count());
      begin = now;
    }
    return times_us;
  }

  // Steps a second of one stream, `steps` a message.
  double OneStream(int steps, std::size_t under_way, double seconds) {
    v1::LearnRequest request;
    *request.add_parts() = Part(steps);
    const Clock::time_point start = Clock::now();
    std::size_t sent = 0;
    std::size_t answered = 0;
    for (;;) {
      for (; sent - answered < under_way && Since(start) < seconds; ++sent) {
        Number(0, request.mutable_parts(0));
        call_->Write(request);
      }
      if (answered == sent) break;
      answered += Read().size();
    }
    return static_cast<double>(answered * static_cast<std::size_t>(steps)) / Since(start);
  }

  // Steps a second of all streams, one step of each under way.
  double ManyStreams(double seconds) {
    const v1::LearnPart step = Part(1);
    v1::LearnRequest request;
    for (std::size_t i = 0; i < kStreams; ++i) Number(i, &(*request.add_parts() = step));
    const Clock::time_point start = Clock::now();
    std::size_t sent = kStreams;
    std::size_t answered = 0;
    call_->Write(request);
    while (answered < sent) {
      const std::vector<v1::LearnPartReply> replies = Read();
      answered += replies.size();
      if (Since(start) >= seconds || replies.empty()) continue;
      request.Clear();
      for (const v1::LearnPartReply& reply : replies) {
        Number(reply.part_id() - 1, &(*request.add_parts() = step));
      }
      sent += replies.size();
      call_->Write(request);
    }
    return static_cast<double>(answered) / Since(start);
  }

  // Microseconds from the moment each step was due to its reply.
  std::vector<double> OpenLoop(std::size_t streams, double seconds) {
    const std::chrono::nanoseconds gap = kCadence / static_cast<std::int64_t>(streams);
    const auto count = static_cast<std::size_t>(seconds * 1e9 / static_cast<double>(gap.count()));
    const Clock::time_point start = Clock::now();
    std::thread sender([&] {
      v1::LearnRequest request;
      *request.add_parts() = Part(1);
      for (std::size_t i = 0; i < count; ++i) {
        Number(i % streams, request.mutable_parts(0));
        std::this_thread::sleep_until(start + static_cast<std::int64_t>(i) * gap);
        call_->Write(request);
      }
    });
    std::vector<std::size_t> answered(streams, 0);
    std::vector<double> times_us;
    while (times_us.size() < count) {
      const std::vector<v1::LearnPartReply> replies = Read();
      const Clock::time_point now = Clock::now();
      for (const v1::LearnPartReply& reply : replies) {
        const std::size_t stream = reply.part_id() - 1;
        const std::size_t due = stream + streams * answered[stream]++;
        const auto late = now - (start + static_cast<std::int64_t>(due) * gap);
        times_us.push_back(1e6 * std::chrono::duration<double>(late).count());
      }
    }
    sender.join();
    return times_us;
  }

 private:
  static double Since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  // `steps` steps with their targets, to be numbered.
  v1::LearnPart Part(int steps) const {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    v1::LearnPart part;
    v1::Observe* observe = part.mutable_observe();
    for (int i = 0; i < steps * options_.inputs; ++i) observe->add_floats(normal(random));
    v1::TargetBlock* targets = observe->mutable_targets();
    for (int i = 0; i < steps * options_.outputs; ++i) targets->add_values(normal(random));
    return part;
  }

  // Makes the part the next one of stream number `i`; the reply's part_id tells the stream.
  void Number(std::size_t i, v1::LearnPart* part) {
    Place& place = places_[i];
    part->set_part_id(i + 1);
    part->set_stream(place.stream);
    part->set_epoch(place.epoch);
    part->set_writer_token(place.token);
    v1::Observe* observe = part->mutable_observe();
    observe->set_first_seq(place.next_seq);
    place.next_seq += static_cast<std::uint64_t>(observe->floats_size() / options_.inputs);
  }

  // The answers in the next message; notes of durable_seq are none.
  std::vector<v1::LearnPartReply> Read() {
    v1::LearnReply reply;
    if (!call_->Read(&reply)) Die("the call ended: " + call_->Finish().error_message());
    std::vector<v1::LearnPartReply> answers;
    for (v1::LearnPartReply& part : *reply.mutable_parts()) {
      if (part.status().code() != 0) Die(part.status().message());
      if (part.part_id() != 0) answers.push_back(std::move(part));
    }
    return answers;
  }

  const Options options_;
  const std::unique_ptr<v1::Learning::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<Call> call_;
  std::array<Place, kStreams> places_;
};

// "p50_us": ..., of `times_us`, which it sorts.
std::string Quantiles(std::vector<double>* times_us) {
  std::sort(times_us->begin(), times_us->end());
  std::string text;
  for (const auto& [name, q] : {std::pair("p50_us", 0.5), {"p99_us", 0.99}, {"p99_9_us", 0.999}}) {
    const auto at = static_cast<std::size_t>(q * static_cast<double>(times_us->size() - 1));
    text += '"' + std::string(name) + "\": " + std::to_string((*times_us)[at]) + ", ";
  }
  return text + "\"count\": " + std::to_string(times_us->size());
}

std::string Measure(const std::string& measurement, double seconds, Benchmark* benchmark) {
  const auto rate = [](double steps_per_s) {
    return "\"steps_per_s\": " + std::to_string(steps_per_s);
  };
  if (measurement == "pipelined") return rate(benchmark->OneStream(1, kUnderWay, seconds));
  if (measurement == "bulk") return rate(benchmark->OneStream(kBulkSteps, kBulkUnderWay, seconds));
  if (measurement == "streams") return rate(benchmark->ManyStreams(seconds));
  if (measurement == "single") {
    std::vector<double> times_us = benchmark->SingleSteps(seconds);
    return Quantiles(&times_us);
  }
  const int streams = measurement.rfind("open:", 0) == 0 ? std::atoi(measurement.c_str() + 5) : 0;
  if (streams < 1 || static_cast<std::size_t>(streams) > kStreams) {
    Die("got '" + measurement + "'; expected single, pipelined, bulk, streams or open:N");
  }
  std::vector<double> times_us = benchmark->OpenLoop(static_cast<std::size_t>(streams), seconds);
  const double deadline_us = std::chrono::duration<double, std::micro>(kCadence).count();
  const auto missed = std::count_if(times_us.begin(), times_us.end(),
                                    [&](double time_us) { return time_us > deadline_us; });
  return Quantiles(&times_us) + ", \"missed\": " + std::to_string(missed);
}

void Run(const Options& options) {
  Benchmark benchmark(options);
  benchmark.SingleSteps(0.1);  // warms up
  const char* before = "{";
  for (const std::string& measurement : options.measurements) {
    std::printf("%s\"%s\": {%s}", std::exchange(before, ", "), measurement.c_str(),
                Measure(measurement, options.seconds, &benchmark).c_str());
  }
  std::printf("}\n");
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  if (argc < 7) {
    millrace::Die("usage: round_trip_bench HOST:PORT STREAM INPUTS OUTPUTS SECONDS MEASUREMENT...");
  }
  millrace::Run({argv[1], argv[2], std::atoi(argv[3]), std::atoi(argv[4]), std::atof(argv[5]),
                 std::vector<std::string>(argv + 6, argv + argc)});
  return 0;
}
