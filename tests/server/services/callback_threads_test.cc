#include "server/callback_threads.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "millrace/v1/model.grpc.pb.h"
#include "tests/server/services/serving.h"

namespace millrace::server {
namespace {

// A server whose every answer needs one of gRPC's threads.
class Bare {
 public:
  Bare() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server = builder.BuildAndStart();
    stub_ = v1::Models::NewStub(server->InProcessChannel({}));
  }
  ~Bare() { server->Shutdown(); }

  bool Answers() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::Model model;
    return stub_->GetModel(&context, {}, &model).error_code() == grpc::StatusCode::UNIMPLEMENTED;
  }

 private:
  v1::Models::CallbackService service_;

 public:
  std::unique_ptr<grpc::Server> server;

 private:
  std::unique_ptr<v1::Models::Stub> stub_;
};

TEST(CallbackThreadsTest, AllButTheWantedAreHeld) {
  Bare bare;
  {
    const auto threads = CallbackThreads::Hold(bare.server.get(), 1);
    EXPECT_EQ(threads->held(), CallbackThreads::Kept() - 1);
    EXPECT_TRUE(bare.Answers());
  }
  const auto threads = CallbackThreads::Hold(bare.server.get(), 2);
  EXPECT_EQ(threads->held(), CallbackThreads::Kept() - 2);
  EXPECT_TRUE(bare.Answers());
}

TEST(CallbackThreadsTest, NoneIsHeldWhereAllShallRun) {
  Bare bare;
  const auto threads = CallbackThreads::Hold(bare.server.get(), 0);
  EXPECT_EQ(threads->held(), 0);
  EXPECT_TRUE(bare.Answers());
}

TEST(CallbackThreadsTest, OneThreadRunsForAllServersOfAProcess) {
  Bare first, second;
  auto of_first = CallbackThreads::Hold(first.server.get(), 1);
  const auto of_second = CallbackThreads::Hold(second.server.get(), 1);
  EXPECT_EQ(of_second->held(), 0);
  EXPECT_TRUE(first.Answers());
  EXPECT_TRUE(second.Answers());
  of_first.reset();
  EXPECT_TRUE(second.Answers());
}

TEST(CallbackThreadsTest, ManyCallsAreAnsweredByOneThread) {
  ServerConfig config;
  config.set_callback_threads(1);
  const Serving serving(config);
  ASSERT_NE(serving.server, nullptr);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<v1::LearnRequest, v1::LearnReply>>> calls;
  for (int i = 0; i < 8; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    contexts.back()->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    calls.push_back(serving.learning->Learn(contexts.back().get()));
  }
  for (const auto& call : calls) {
    v1::LearnRequest request;
    request.add_parts()->set_stream("nobody");
    EXPECT_TRUE(call->Write(request));
  }
  for (const auto& call : calls) {
    v1::LearnReply reply;
    EXPECT_TRUE(call->Read(&reply));
    call->WritesDone();
    EXPECT_TRUE(call->Finish().ok());
  }
}

}  // namespace
}  // namespace millrace::server
