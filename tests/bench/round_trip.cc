// The client of the round-trip benchmark: the same calls to millraced and to the echo.
//
//   round_trip_bench HOST:PORT STREAM INPUTS OUTPUTS SECONDS
//
// Attaches; then sends one step a message, each after the reply to the one before; then 64 steps a
// message with up to 16 messages under way. Every step carries its target and is learned from.
// Prints one JSON object.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "millrace/v1/learn.grpc.pb.h"

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;
using Call = grpc::ClientReaderWriter<v1::LearnRequest, v1::LearnReply>;

constexpr int kBulkSteps = 64;
constexpr int kUnderWay = 16;

struct Options {
  std::string server, stream;
  int inputs = 0, outputs = 0;
  double seconds = 0;
};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "round_trip_bench: %s\n", what.c_str());
  std::exit(1);
}

double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

class Benchmark {
 public:
  explicit Benchmark(const Options& options)
      : options_(options),
        stub_(v1::Learning::NewStub(
            grpc::CreateChannel(options.server, grpc::InsecureChannelCredentials()))),
        call_(stub_->Learn(&context_)) {
    v1::LearnRequest request;
    v1::LearnPart* part = request.add_parts();
    part->set_stream(options_.stream);
    part->mutable_attach();
    call_->Write(request);
    const v1::LearnPartReply reply = ReadOne();
    epoch_ = reply.epoch();
    token_ = reply.attach().writer_token();
    next_seq_ = reply.applied_seq() + 1;
  }

  ~Benchmark() {
    call_->WritesDone();
    v1::LearnReply rest;
    while (call_->Read(&rest)) {
    }
    call_->Finish();
  }

  // Microseconds of each round trip.
  std::vector<double> SingleSteps(double seconds) {
    v1::LearnRequest request = Message(1);
    std::vector<double> times_us;
    const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                     std::chrono::duration<double>(seconds));
    for (Clock::time_point begin = Clock::now(); begin < end;) {
      Number(&request, 1);
      call_->Write(request);
      ReadOne();
      const Clock::time_point now = Clock::now();
      times_us.push_back(1e6 * Seconds(now - begin));
      begin = now;
    }
    return times_us;
  }

  // Steps a second.
  double BulkSteps(double seconds) {
    v1::LearnRequest request = Message(kBulkSteps);
    const Clock::time_point begin = Clock::now();
    std::int64_t sent = 0;
    std::int64_t answered = 0;
    while (Seconds(Clock::now() - begin) < seconds) {
      while (sent - answered < kUnderWay) {
        Number(&request, kBulkSteps);
        call_->Write(request);
        ++sent;
      }
      answered += ReadSome();
    }
    while (answered < sent) answered += ReadSome();
    return static_cast<double>(answered * kBulkSteps) / Seconds(Clock::now() - begin);
  }

 private:
  v1::LearnRequest Message(int steps) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    v1::LearnRequest request;
    v1::LearnPart* part = request.add_parts();
    part->set_stream(options_.stream);
    part->set_epoch(epoch_);
    part->set_writer_token(token_);
    v1::Observe* observe = part->mutable_observe();
    for (int i = 0; i < steps * options_.inputs; ++i) observe->add_floats(normal(random));
    v1::TargetBlock* targets = observe->mutable_targets();
    for (int i = 0; i < steps * options_.outputs; ++i) targets->add_values(normal(random));
    return request;
  }

  void Number(v1::LearnRequest* request, int steps) {
    v1::LearnPart* part = request->mutable_parts(0);
    part->set_part_id(++last_id_);
    part->mutable_observe()->set_first_seq(next_seq_);
    next_seq_ += static_cast<std::uint64_t>(steps);
  }

  // Replies to data parts in one message; notes of durable_seq do not count.
  int ReadSome() {
    v1::LearnReply reply;
    if (!call_->Read(&reply)) Die("the call ended: " + call_->Finish().error_message());
    int answers = 0;
    for (const v1::LearnPartReply& part : reply.parts()) {
      if (part.status().code() != 0) Die(part.status().message());
      answers += part.part_id() != 0 ? 1 : 0;
      if (part.has_attach()) attach_reply_ = part;
    }
    return answers;
  }

  v1::LearnPartReply ReadOne() {
    if (last_id_ == 0) {
      while (!attach_reply_.has_attach()) ReadSome();
      return attach_reply_;
    }
    while (ReadSome() == 0) {
    }
    return {};
  }

  const Options options_;
  const std::unique_ptr<v1::Learning::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<Call> call_;
  v1::LearnPartReply attach_reply_;
  std::uint64_t epoch_ = 0, token_ = 0, next_seq_ = 1, last_id_ = 0;
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
  std::printf("{\"p50_us\": %.1f, \"p99_us\": %.1f, \"bulk_steps_per_s\": %.0f}\n",
              Quantile(times_us, 0.5), Quantile(times_us, 0.99), bulk);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  if (argc != 6) millrace::Die("usage: round_trip_bench HOST:PORT STREAM INPUTS OUTPUTS SECONDS");
  millrace::Run({argv[1], argv[2], std::atoi(argv[3]), std::atoi(argv[4]), std::atof(argv[5])});
  return 0;
}
