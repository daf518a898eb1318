// The client of the round-trip benchmark: the same calls to millraced and to the echo.
//
//   round_trip_bench HOST:PORT STREAM INPUTS OUTPUTS SECONDS
//
// Attaches to STREAM-0 .. STREAM-63; then sends one step of one stream, each after the reply to the
// one before; then 64 steps a message of one stream with up to 16 messages under way; then one step
// of each stream, the next as soon as it is answered. Every step carries its target and is learned
// from. Prints one JSON object.

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
#include <utility>
#include <vector>

#include "millrace/v1/learn.grpc.pb.h"

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;
using Call = grpc::ClientReaderWriter<v1::LearnRequest, v1::LearnReply>;

constexpr int kBulkSteps = 64;
constexpr int kUnderWay = 16;
constexpr std::size_t kStreams = 64;

struct Options {
  std::string server, stream;
  int inputs = 0, outputs = 0;
  double seconds = 0;
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

  // Steps a second of one stream.
  double BulkSteps(double seconds) {
    v1::LearnRequest request;
    *request.add_parts() = Part(kBulkSteps);
    const Clock::time_point start = Clock::now();
    std::size_t sent = 0;
    std::size_t answered = 0;
    do {
      for (; sent - answered < kUnderWay && Since(start) < seconds; ++sent) {
        Number(0, request.mutable_parts(0));
        call_->Write(request);
      }
      answered += Read().size();
    } while (answered < sent);
    return static_cast<double>(answered * kBulkSteps) / Since(start);
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

double Quantile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

void Run(const Options& options) {
  Benchmark benchmark(options);
  benchmark.SingleSteps(0.2);  // warms up
  std::vector<double> times_us = benchmark.SingleSteps(options.seconds);
  std::sort(times_us.begin(), times_us.end());
  const double bulk = benchmark.BulkSteps(options.seconds);
  const double many = benchmark.ManyStreams(options.seconds);
  std::printf(
      "{\"p50_us\": %.1f, \"p99_us\": %.1f, \"bulk_steps_per_s\": %.0f, "
      "\"streams_steps_per_s\": %.0f}\n",
      Quantile(times_us, 0.5), Quantile(times_us, 0.99), bulk, many);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  if (argc != 6) millrace::Die("usage: round_trip_bench HOST:PORT STREAM INPUTS OUTPUTS SECONDS");
  millrace::Run({argv[1], argv[2], std::atoi(argv[3]), std::atoi(argv[4]), std::atof(argv[5])});
  return 0;
}
