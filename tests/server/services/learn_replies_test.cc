// Which replies share a message.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/server/services/learn_fixture.h"

namespace millrace::server {
namespace {

class LearnRepliesTest : public LearnReactorTest {
 protected:
  // A message of so many parts of stream a, none of which is answered before all of them are there.
  void AnswerTogether(std::uint64_t parts) {
    serving_->Open("a");
    fake_->Stall("a");
    v1::LearnRequest request;
    for (std::uint64_t seq = 1; seq <= parts; ++seq) AddObserve("a", seq, &request);
    ASSERT_TRUE(call_->Write(request));
    ASSERT_TRUE(fake_->Await([&] { return fake_->waiting.size() == parts; }));
    fake_->Release("a");
    for (std::uint64_t seq = 1; seq <= parts; ++seq) EXPECT_EQ(Next().part_id(), seq);
  }
};

TEST_F(LearnRepliesTest, RepliesShareAMessageWhileTheWriterIsBusy) {
  constexpr int kParts = 2000;
  Serve();
  ASSERT_NO_FATAL_FAILURE(AnswerTogether(kParts));
  EXPECT_LT(replies_->messages, kParts);
}

TEST_F(LearnRepliesTest, AClientThatIsAheadIsAnsweredToSeveralMessagesAtOnce) {
  constexpr int kParts = 2000;
  Serve();
  serving_->Open("a");
  for (std::uint64_t seq = 1; seq <= kParts; ++seq) ASSERT_TRUE(call_->Write(Observe("a", seq)));
  for (std::uint64_t seq = 1; seq <= kParts; ++seq) EXPECT_EQ(Next().part_id(), seq);
  EXPECT_LT(replies_->messages, kParts / 2);
}

TEST_F(LearnRepliesTest, AMessageWhosePartsAreDoneAtOnceGetsOneReply) {
  constexpr int kParts = 8;
  Serve();
  serving_->Open("a");
  v1::LearnRequest request;
  for (std::uint64_t seq = 1; seq <= kParts; ++seq) AddObserve("a", seq, &request);
  ASSERT_TRUE(call_->Write(request));
  for (std::uint64_t seq = 1; seq <= kParts; ++seq) EXPECT_EQ(Next().part_id(), seq);
  EXPECT_EQ(replies_->messages, 1);
}

TEST_F(LearnRepliesTest, AMessageOfRepliesIsNotMergedBeyondItsBytes) {
  constexpr int kParts = 100;
  ServerConfig config;
  config.set_reply_merge_bytes(0);
  Serve(config);
  ASSERT_NO_FATAL_FAILURE(AnswerTogether(kParts));
  EXPECT_EQ(replies_->messages, kParts);
}

}  // namespace
}  // namespace millrace::server
