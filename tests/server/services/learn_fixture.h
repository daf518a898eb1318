// A Learn call of a server whose runtime is the fake one, and the messages to it.
#ifndef MILLRACE_TESTS_SERVER_SERVICES_LEARN_FIXTURE_H_
#define MILLRACE_TESTS_SERVER_SERVICES_LEARN_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "tests/server/services/serving.h"

namespace millrace::server {

using Call = grpc::ClientReaderWriter<v1::LearnRequest, v1::LearnReply>;

inline void AddObserve(const std::string& stream, std::uint64_t seq, v1::LearnRequest* request,
                       int floats = 1) {
  v1::LearnPart& part = *request->add_parts();
  part.set_part_id(seq);
  part.set_stream(stream);
  part.mutable_observe()->set_first_seq(seq);
  for (int i = 0; i < floats; ++i) part.mutable_observe()->add_floats(1);
}

inline v1::LearnRequest Observe(const std::string& stream, std::uint64_t seq, int floats = 1) {
  v1::LearnRequest request;
  AddObserve(stream, seq, &request, floats);
  return request;
}

inline v1::LearnRequest AttachTo(const std::string& stream) {
  v1::LearnRequest request;
  v1::LearnPart& part = *request.add_parts();
  part.set_stream(stream);
  part.mutable_attach();
  return request;
}

// The next reply part of a call, whatever messages they come in.
class Replies {
 public:
  explicit Replies(Call* call) : call_(call) {}
  bool Next(v1::LearnPartReply* reply) {
    while (next_ >= message_.parts_size()) {
      if (!call_->Read(&message_)) return false;
      ++messages;
      next_ = 0;
    }
    *reply = message_.parts(next_++);
    return true;
  }
  int messages = 0;

 private:
  Call* const call_;
  v1::LearnReply message_;
  int next_ = 0;
};

class LearnReactorTest : public ::testing::Test {
 protected:
  void Serve(const ServerConfig& config = {},
             std::unique_ptr<const Authorizer> authorizer = nullptr) {
    serving_ = std::make_unique<Serving>(config, std::move(authorizer));
    ASSERT_NE(serving_->server, nullptr);
    fake_ = serving_->fake;
    call_ = serving_->learning->Learn(&context_);
    replies_ = std::make_unique<Replies>(call_.get());
  }

  v1::LearnPartReply Next() {
    v1::LearnPartReply reply;
    EXPECT_TRUE(replies_->Next(&reply)) << "the call ended: " << call_->Finish().error_message();
    return reply;
  }

  // Gives the server every opportunity to go on with the first call, too.
  void ChatOnAnotherCall() {
    serving_->Open("other");
    grpc::ClientContext context;
    const auto other = serving_->learning->Learn(&context);
    for (std::uint64_t seq = 1; seq <= kRounds; ++seq) {
      ASSERT_TRUE(other->Write(Observe("other", seq)));
      v1::LearnReply reply;
      ASSERT_TRUE(other->Read(&reply));
    }
    other->WritesDone();
    EXPECT_TRUE(other->Finish().ok());
  }
  static constexpr int kRounds = 500;

  std::unique_ptr<Serving> serving_;
  FakeRuntime* fake_ = nullptr;
  grpc::ClientContext context_;
  std::unique_ptr<Call> call_;
  std::unique_ptr<Replies> replies_;
};

}  // namespace millrace::server

#endif  // MILLRACE_TESTS_SERVER_SERVICES_LEARN_FIXTURE_H_
