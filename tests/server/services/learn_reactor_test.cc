#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/services/learn_fixture.h"

namespace millrace::server {
namespace {

TEST_F(LearnReactorTest, AFaultOfAPartIsAStatusInItsReplyAndTheCallGoesOn) {
  Serve();
  serving_->Open("a");
  v1::LearnRequest request = Observe("nobody", 7);
  AddObserve("a", 1, &request);
  ASSERT_TRUE(call_->Write(request));

  const v1::LearnPartReply refused = Next();
  EXPECT_EQ(refused.part_id(), 7u);
  EXPECT_EQ(refused.stream(), "nobody");
  EXPECT_EQ(refused.status().code(), static_cast<int>(grpc::StatusCode::NOT_FOUND));
  EXPECT_EQ(ReasonIn(refused.status()), "NO_STREAM");
  const v1::LearnPartReply good = Next();
  EXPECT_FALSE(good.has_status());
  EXPECT_EQ(good.applied_seq(), 1u);
  call_->WritesDone();
  EXPECT_TRUE(call_->Finish().ok());
}

TEST_F(LearnReactorTest, ASlowStreamDoesNotHoldUpTheOthersOfItsCall) {
  Serve();
  serving_->Open("slow");
  serving_->Open("fast");
  fake_->Stall("slow");
  ASSERT_TRUE(call_->Write(Observe("slow", 1)));
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    ASSERT_TRUE(call_->Write(Observe("fast", seq)));
    const v1::LearnPartReply reply = Next();
    EXPECT_EQ(reply.stream(), "fast");
    EXPECT_EQ(reply.applied_seq(), seq);
  }
  fake_->Release("slow");
  EXPECT_EQ(Next().stream(), "slow");
}

TEST_F(LearnReactorTest, ReadingStopsAtTheByteBudgetAndGoesOnWhenPartsAreAnswered) {
  constexpr int kMessages = 200, kFloats = 1000;  // 800 kB in all
  constexpr std::int64_t kBudget = 64 << 10;
  ServerConfig config;
  config.set_learn_budget_bytes(kBudget);
  Serve(config);
  serving_->Open("a");
  fake_->Stall("a");
  std::thread writer([this] {
    for (std::uint64_t seq = 1; seq <= kMessages; ++seq) {
      ASSERT_TRUE(call_->Write(Observe("a", seq, kFloats)));
    }
    call_->WritesDone();
  });
  ASSERT_TRUE(fake_->Await([this] { return fake_->waiting_bytes >= kBudget; }));
  ChatOnAnotherCall();
  fake_->Release("a");
  for (std::uint64_t seq = 1; seq <= kMessages; ++seq) EXPECT_EQ(Next().part_id(), seq);
  writer.join();
  EXPECT_TRUE(call_->Finish().ok());
  // One message may go over the budget.
  EXPECT_LT(fake_->peak_waiting_bytes, kBudget + 8 * kFloats);
}

TEST_F(LearnReactorTest, UnsentRepliesCountAgainstTheByteBudget) {
  constexpr int kParts = 400;
  ServerConfig config;
  config.set_learn_budget_bytes(128 << 10);
  Serve(config);
  serving_->Open("a");
  fake_->outputs_per_step = 16 << 10;  // 64 KiB a reply, 25 MiB in all
  std::thread writer([this] {
    for (std::uint64_t seq = 1; seq <= kParts; ++seq) {
      ASSERT_TRUE(call_->Write(Observe("a", seq)));
    }
    call_->WritesDone();
  });
  // Nobody reads.
  ChatOnAnotherCall();
  EXPECT_TRUE(fake_->Await([this] { return fake_->answered < kRounds + kParts / 2; }));
  for (std::uint64_t seq = 1; seq <= kParts; ++seq) EXPECT_EQ(Next().part_id(), seq);
  writer.join();
}

TEST_F(LearnReactorTest, ReadingGoesOnWhileAWriteWaitsForAClientThatDoesNotRead) {
  constexpr int kParts = 100;
  Serve();
  serving_->Open("a");
  fake_->outputs_per_step = 16 << 10;  // 64 KiB a reply: the first few fill what gRPC sends ahead
  for (std::uint64_t seq = 1; seq <= kParts; ++seq) {
    ASSERT_TRUE(call_->Write(Observe("a", seq)));
  }
  EXPECT_TRUE(fake_->Await([this] { return fake_->answered == kParts; }));
  for (std::uint64_t seq = 1; seq <= kParts; ++seq) EXPECT_EQ(Next().part_id(), seq);
}

TEST_F(LearnReactorTest, DurableSeqComesByItselfForEveryAttachmentOfTheCall) {
  Serve();
  for (const std::string stream : {"a", "b"}) {
    serving_->Open(stream);
    ASSERT_TRUE(call_->Write(AttachTo(stream)));
    EXPECT_TRUE(Next().has_attach());
  }
  fake_->MoveDurable("b", 5);
  const v1::LearnPartReply note = Next();
  EXPECT_EQ(note.part_id(), 0u);
  EXPECT_EQ(note.stream(), "b");
  EXPECT_EQ(note.epoch(), 1u);
  EXPECT_EQ(note.durable_seq(), 5u);
  EXPECT_EQ(note.result_case(), v1::LearnPartReply::RESULT_NOT_SET);
  fake_->MoveDurable("a", 3);
  EXPECT_EQ(Next().durable_seq(), 3u);
}

TEST_F(LearnReactorTest, AttachingAnewAndEndingTheCallStopTheListeners) {
  Serve();
  serving_->Open("a");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(call_->Write(AttachTo("a")));
    EXPECT_EQ(Next().attach().writer_token(), static_cast<std::uint64_t>(i + 1));
  }
  EXPECT_TRUE(fake_->Await([this] { return fake_->listeners.size() == 1; }));
  call_->WritesDone();
  EXPECT_TRUE(call_->Finish().ok());
  EXPECT_TRUE(fake_->Await([this] { return fake_->listeners.empty(); }));
}

TEST_F(LearnReactorTest, ACallWhoseClientClosedEndsWhenEverythingIsAnswered) {
  Serve();
  serving_->Open("a");
  fake_->Stall("a");
  ASSERT_TRUE(call_->Write(Observe("a", 1)));
  call_->WritesDone();
  ASSERT_TRUE(fake_->Await([this] { return fake_->waiting.size() == 1; }));
  fake_->Release("a");
  EXPECT_EQ(Next().applied_seq(), 1u);
  v1::LearnPartReply none;
  EXPECT_FALSE(replies_->Next(&none));
  EXPECT_TRUE(call_->Finish().ok());
}

TEST_F(LearnReactorTest, APartOfACancelledCallIsNoLongerWanted) {
  Serve();
  serving_->Open("a");
  fake_->Stall("a");
  ASSERT_TRUE(call_->Write(AttachTo("a")));
  ASSERT_TRUE(call_->Write(Observe("a", 1)));
  ASSERT_TRUE(fake_->Await([this] { return fake_->waiting.size() == 2; }));
  EXPECT_TRUE(fake_->waiting.back().wanted());
  context_.TryCancel();
  EXPECT_EQ(call_->Finish().error_code(), grpc::StatusCode::CANCELLED);
  const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (fake_->waiting.back().wanted() && std::chrono::steady_clock::now() < late) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(fake_->waiting.back().wanted());
  // Answers that come after the end are taken without harm, and leave no listener.
  fake_->Release("a");
  EXPECT_TRUE(fake_->Await([this] { return fake_->listeners.empty() && fake_->answered == 2; }));
}

TEST_F(LearnReactorTest, ADrainAnswersWhatIsQueuedAndEndsTheCallWithDraining) {
  Serve();
  serving_->Open("a");
  fake_->Stall("a");
  for (std::uint64_t seq = 1; seq <= 3; ++seq) ASSERT_TRUE(call_->Write(Observe("a", seq)));
  ASSERT_TRUE(fake_->Await([this] { return fake_->waiting.size() == 3; }));
  std::thread drain(
      [this] { EXPECT_TRUE(serving_->server->Drain(absl::Now() + absl::Seconds(60)).ok()); });
  fake_->Release("a");
  for (std::uint64_t seq = 1; seq <= 3; ++seq) EXPECT_EQ(Next().applied_seq(), seq);
  v1::LearnPartReply none;
  EXPECT_FALSE(replies_->Next(&none));
  const grpc::Status status = call_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOfCall(status), "DRAINING");
  drain.join();
  EXPECT_TRUE(fake_->drained);
}

TEST_F(LearnReactorTest, PartsBeyondTheLimitOfAMessageAreRefusedAndTheOthersAreNot) {
  ServerConfig config;
  config.set_max_parts_per_message(2);
  Serve(config);
  serving_->Open("a");
  v1::LearnRequest request;
  for (std::uint64_t seq = 1; seq <= 3; ++seq) AddObserve("a", seq, &request);
  ASSERT_TRUE(call_->Write(request));
  for (std::uint64_t seq = 1; seq <= 2; ++seq) EXPECT_FALSE(Next().has_status());
  const v1::LearnPartReply refused = Next();
  EXPECT_EQ(refused.part_id(), 3u);
  EXPECT_EQ(ReasonIn(refused.status()), "LIMIT");
}

TEST_F(LearnReactorTest, MoreCallsThanTheLimitAreRefused) {
  ServerConfig config;
  config.set_max_learn_calls(1);
  Serve(config);
  serving_->Open("a");
  ASSERT_TRUE(call_->Write(Observe("a", 1)));
  Next();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const grpc::Status status = serving_->learning->Learn(&context)->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOfCall(status), "LIMIT");
}

// Lets nobody touch the stream "secret", and nobody teach the stream "fixed".
class TestAuthorizer final : public Authorizer {
 public:
  absl::Status Authorize(const std::string& principal, Verb verb,
                         absl::string_view stream) const override {
    if (stream == "secret") return NotAllowed(principal, verb, stream);
    if (stream == "fixed" && verb == Verb::kLearn) return NotAllowed(principal, verb, stream);
    return absl::OkStatus();
  }
};

TEST_F(LearnReactorTest, EveryPartIsAuthorised) {
  Serve({}, std::make_unique<TestAuthorizer>());
  serving_->Open("a");
  serving_->Open("fixed");
  v1::LearnRequest request = Observe("secret", 1);
  AddObserve("a", 2, &request);
  AddObserve("fixed", 3, &request);
  AddObserve("fixed", 4, &request);
  request.mutable_parts(3)->mutable_observe()->mutable_targets()->add_values(1);
  v1::LearnPart& late = *request.add_parts();
  late.set_part_id(5);
  late.set_stream("fixed");
  late.mutable_late_targets();
  ASSERT_TRUE(call_->Write(request));
  std::set<std::uint64_t> refused;
  for (int i = 0; i < 5; ++i) {
    const v1::LearnPartReply reply = Next();
    if (!reply.has_status()) continue;
    EXPECT_EQ(reply.status().code(), static_cast<int>(grpc::StatusCode::PERMISSION_DENIED));
    EXPECT_EQ(ReasonIn(reply.status()), "NOT_ALLOWED");
    refused.insert(reply.part_id());
  }
  EXPECT_EQ(refused, (std::set<std::uint64_t>{1, 4, 5}));
}

TEST_F(LearnReactorTest, LearnOnceAnswersEachPartInTheOrderOfTheRequest) {
  Serve({}, std::make_unique<TestAuthorizer>());
  serving_->Open("a");
  serving_->Open("slow");
  fake_->Stall("slow");
  v1::LearnRequest request = Observe("slow", 1);
  AddObserve("a", 2, &request);
  AddObserve("secret", 3, &request);
  std::thread release([this] {
    EXPECT_TRUE(fake_->Await([this] { return fake_->submitted == 2; }));
    fake_->Release("slow");
  });
  grpc::ClientContext context;
  v1::LearnReply reply;
  const grpc::Status status = serving_->learning->LearnOnce(&context, request, &reply);
  release.join();
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(reply.parts_size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reply.parts(i).part_id(), static_cast<unsigned>(i + 1));
  EXPECT_EQ(ReasonIn(reply.parts(2).status()), "NOT_ALLOWED");
}

}  // namespace
}  // namespace millrace::server
