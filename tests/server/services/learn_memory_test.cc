#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "tests/server/services/serving.h"

namespace millrace::server {
namespace {

std::size_t AllocatedBytes() {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

void CallOnce(const Serving& serving, std::uint64_t seq) {
  grpc::ClientContext context;
  const auto call = serving.learning->Learn(&context);
  v1::LearnRequest request;
  v1::LearnPart& part = *request.add_parts();
  part.set_stream("a");
  part.mutable_observe()->set_first_seq(seq);
  part.mutable_observe()->add_floats(1);
  ASSERT_TRUE(call->Write(request));
  v1::LearnReply reply;
  ASSERT_TRUE(call->Read(&reply));
  call->WritesDone();
  ASSERT_TRUE(call->Finish().ok());
}

TEST(LearnMemoryTest, CallsThatAreOverLeaveNothingBehind) {
  constexpr int kCalls = 20, kOutputs = 250'000;
  constexpr std::size_t kReplyBytes = kOutputs * sizeof(float);
  Serving serving;
  ASSERT_NE(serving.server, nullptr);
  serving.Open("a");
  serving.fake->outputs_per_step = kOutputs;
  CallOnce(serving, 1);
  const std::size_t allowed = AllocatedBytes() + kCalls / 4 * kReplyBytes;
  for (std::uint64_t seq = 2; seq < 2 + kCalls; ++seq) CallOnce(serving, seq);
  // The last calls go a moment after their clients have heard of their end.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (AllocatedBytes() > allowed && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  EXPECT_LE(AllocatedBytes(), allowed);
}

}  // namespace
}  // namespace millrace::server
