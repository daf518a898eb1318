// An echo in the server's clothes: takes Learn calls and answers each step with m zeros, learning
// nothing. What it costs is the transport's share of a round trip.
//
//   echo_server OUTPUTS   prints its address on one line and serves until it is killed

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "millrace/v1/learn.grpc.pb.h"

namespace millrace {
namespace {

class EchoCall final : public grpc::ServerBidiReactor<v1::LearnRequest, v1::LearnReply> {
 public:
  explicit EchoCall(int outputs) : outputs_(outputs) { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
      return;
    }
    reply_.Clear();
    for (const v1::LearnPart& part : request_.parts()) Answer(part, reply_.add_parts());
    StartWrite(&reply_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  void Answer(const v1::LearnPart& part, v1::LearnPartReply* reply) const {
    reply->set_part_id(part.part_id());
    reply->set_stream(part.stream());
    reply->set_epoch(1);
    if (part.has_attach()) {
      reply->mutable_attach()->set_window_steps(4096);
      return;
    }
    const v1::Observe& observe = part.observe();
    const int steps = observe.targets().values_size() / outputs_;
    v1::ObserveResult* result = reply->mutable_observe();
    result->set_first_seq(observe.first_seq());
    result->set_steps(static_cast<std::uint32_t>(steps));
    result->mutable_outputs()->Resize(steps * outputs_, 0.0F);
    result->mutable_loss()->Resize(steps, 0.0F);
    reply->set_applied_seq(observe.first_seq() + static_cast<std::uint64_t>(steps) - 1);
  }

  const int outputs_;
  v1::LearnRequest request_;
  v1::LearnReply reply_;
};

class EchoService final : public v1::Learning::CallbackService {
 public:
  explicit EchoService(int outputs) : outputs_(outputs) {}

  grpc::ServerBidiReactor<v1::LearnRequest, v1::LearnReply>* Learn(
      grpc::CallbackServerContext* /*context*/) override {
    return new EchoCall(outputs_);
  }

 private:
  const int outputs_;
};

int Serve(int outputs) {
  EchoService service(outputs);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::printf("127.0.0.1:%d\n", port);
  std::fflush(stdout);
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  const int outputs = argc == 2 ? std::atoi(argv[1]) : 0;
  if (outputs < 1) {
    std::fprintf(stderr, "usage: echo_server OUTPUTS\n");
    return 2;
  }
  return millrace::Serve(outputs);
}
