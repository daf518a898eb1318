// An echo in the server's clothes: takes Learn calls and answers each step with m zeros, learning
// nothing. What it costs is the transport's share of a round trip.
//
//   echo_server OUTPUTS [callback|queue]   prints its address on one line and serves until killed
//
// callback: gRPC's callback API, on the threads that gRPC keeps for it; the default. queue: its
// completion-queue API, with one thread that polls one queue.

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "millrace/v1/learn.grpc.pb.h"

namespace millrace {
namespace {

void Answer(const v1::LearnPart& part, int outputs, v1::LearnPartReply* reply) {
  reply->set_part_id(part.part_id());
  reply->set_stream(part.stream());
  reply->set_epoch(1);
  if (part.has_attach()) {
    reply->mutable_attach()->set_window_steps(4096);
    return;
  }
  const v1::Observe& observe = part.observe();
  const int steps = observe.targets().values_size() / outputs;
  v1::ObserveResult* result = reply->mutable_observe();
  result->set_first_seq(observe.first_seq());
  result->set_steps(static_cast<std::uint32_t>(steps));
  result->mutable_outputs()->Resize(steps * outputs, 0.0F);
  result->mutable_loss()->Resize(steps, 0.0F);
  reply->set_applied_seq(observe.first_seq() + static_cast<std::uint64_t>(steps) - 1);
}

void Answer(const v1::LearnRequest& request, int outputs, v1::LearnReply* reply) {
  reply->Clear();
  for (const v1::LearnPart& part : request.parts()) Answer(part, outputs, reply->add_parts());
}

class EchoCall final : public grpc::ServerBidiReactor<v1::LearnRequest, v1::LearnReply> {
 public:
  explicit EchoCall(int outputs) : outputs_(outputs) { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
      return;
    }
    Answer(request_, outputs_, &reply_);
    StartWrite(&reply_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
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

// The same on a completion queue; one operation is under way at a time.
class QueuedEchoCall final {
 public:
  using Service = v1::Learning::WithAsyncMethod_Learn<v1::Learning::Service>;
  QueuedEchoCall(int outputs, Service* service, grpc::ServerCompletionQueue* queue)
      : outputs_(outputs), service_(service), queue_(queue), call_(&context_) {
    service->RequestLearn(&context_, &call_, queue, queue, this);
  }

  void Proceed(bool ok) {
    switch (under_way_) {
      case Operation::kAccept:
        if (!ok) return delete this;
        new QueuedEchoCall(outputs_, service_, queue_);
        return Read();
      case Operation::kRead:
        if (!ok) return Finish();
        Answer(request_, outputs_, &reply_);
        under_way_ = Operation::kWrite;
        return call_.Write(reply_, this);
      case Operation::kWrite:
        return ok ? Read() : Finish();
      case Operation::kFinish:
        return delete this;
    }
  }

 private:
  enum class Operation { kAccept, kRead, kWrite, kFinish };
  void Read() {
    under_way_ = Operation::kRead;
    call_.Read(&request_, this);
  }
  void Finish() {
    under_way_ = Operation::kFinish;
    call_.Finish(grpc::Status::OK, this);
  }

  const int outputs_;
  Service* const service_;
  grpc::ServerCompletionQueue* const queue_;
  Operation under_way_ = Operation::kAccept;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<v1::LearnReply, v1::LearnRequest> call_;
  v1::LearnRequest request_;
  v1::LearnReply reply_;
};

void Announce(int port) {
  std::printf("127.0.0.1:%d\n", port);
  std::fflush(stdout);
}

int Serve(int outputs) {
  EchoService service(outputs);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  Announce(port);
  server->Wait();
  return 0;
}

int ServeQueue(int outputs) {
  QueuedEchoCall::Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  new QueuedEchoCall(outputs, &service, queue.get());
  Announce(port);
  void* call = nullptr;
  bool ok = false;
  while (queue->Next(&call, &ok)) static_cast<QueuedEchoCall*>(call)->Proceed(ok);
  return 0;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  const int outputs = argc >= 2 ? std::atoi(argv[1]) : 0;
  const std::string api = argc == 3 ? argv[2] : "callback";
  if (outputs < 1 || argc > 3 || (api != "callback" && api != "queue")) {
    std::fprintf(stderr, "usage: echo_server OUTPUTS [callback|queue]\n");
    return 2;
  }
  return api == "queue" ? millrace::ServeQueue(outputs) : millrace::Serve(outputs);
}
