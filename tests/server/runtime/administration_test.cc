// Models and streams: made, listed, opened again, deleted; repeats of requests.

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "engine/errors.h"
#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

using engine::ReasonOf;

v1::CreateModelRequest CreateRequest(const std::string& name, const std::string& request_id = "") {
  v1::CreateModelRequest request;
  request.set_name(name);
  request.set_request_id(request_id);
  *request.mutable_spec() = SmallSpec();
  return request;
}

template <typename Request>
Request Of(const std::string& id, const std::string& request_id = "") {
  Request request;
  request.set_id(id);
  request.set_request_id(request_id);
  return request;
}

v1::OpenStreamRequest OpenRequest(const std::string& id, const std::string& model = "m") {
  v1::OpenStreamRequest request;
  request.set_id(id);
  request.set_model(model);
  return request;
}

TEST(Models, ComeBackResolvedAndAfterARestart) {
  Harness harness;
  const auto created = harness.runtime().CreateModel(CreateRequest("m"));
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->spec().optimizer().name(), "rmsprop");
  EXPECT_EQ(created->spec_digest().size(), 64u);
  EXPECT_GT(created->parameter_count(), 0);
  harness.Open();
  const auto found = harness.runtime().GetModel("m");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->SerializeAsString(), created->SerializeAsString());
}

TEST(Models, AreRefusedUnderATakenOrBadName) {
  Harness harness;
  harness.CreateModel("m");
  EXPECT_EQ(ReasonOf(harness.runtime().CreateModel(CreateRequest("m")).status()), kExists);
  const std::vector<std::string> bad = {"", "a/b", "a b", "\xc3\xa4", std::string(129, 'a')};
  for (const std::string& name : bad) {
    EXPECT_EQ(ReasonOf(harness.runtime().CreateModel(CreateRequest(name)).status()), kBadName)
        << name;
  }
  EXPECT_TRUE(harness.runtime().CreateModel(CreateRequest(std::string(128, 'a'))).ok());
  EXPECT_EQ(ReasonOf(harness.runtime().GetModel("other").status()), kNoModel);
}

TEST(Models, AreListedByNamePageByPage) {
  Harness harness;
  for (const std::string name : {"c", "a", "b"}) harness.CreateModel(name);
  v1::ListModelsRequest request;
  request.set_page_size(2);
  auto page = *harness.runtime().ListModels(request);
  ASSERT_EQ(page.models_size(), 2);
  EXPECT_EQ(page.models(0).name(), "a");
  request.set_page_token(page.next_page_token());
  page = *harness.runtime().ListModels(request);
  ASSERT_EQ(page.models_size(), 1);
  EXPECT_EQ(page.models(0).name(), "c");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST(Models, WithStreamsAreNotDeleted) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  v1::DeleteModelRequest request;
  request.set_name("m");
  EXPECT_EQ(ReasonOf(harness.runtime().DeleteModel(request)), kHasStreams);
  ASSERT_TRUE(harness.runtime().CloseStream(Of<v1::CloseStreamRequest>("s")).ok());
  EXPECT_EQ(ReasonOf(harness.runtime().DeleteModel(request)), kHasStreams);
  ASSERT_TRUE(harness.runtime().DeleteStream(Of<v1::DeleteStreamRequest>("s")).ok());
  EXPECT_TRUE(harness.runtime().DeleteModel(request).ok());
  EXPECT_EQ(ReasonOf(harness.runtime().GetModel("m").status()), kNoModel);
  harness.Open();
  EXPECT_EQ(ReasonOf(harness.runtime().GetModel("m").status()), kNoModel);
}

TEST(Models, BeyondTheLimitAreRefused) {
  RuntimeOptions options;
  options.max_models = 1;
  options.max_streams = 2;
  Harness harness(options);
  harness.CreateModel("m");
  EXPECT_EQ(ReasonOf(harness.runtime().CreateModel(CreateRequest("n")).status()), kLimit);
  harness.OpenStream("a");
  harness.OpenStream("b");
  EXPECT_EQ(ReasonOf(harness.runtime().OpenStream(OpenRequest("c")).status()), kLimit);
}

TEST(Streams, OpenOnceAndAreFoundAgain) {
  Harness harness;
  harness.CreateModel("m");
  auto opened = harness.runtime().OpenStream(OpenRequest("s"));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->created());
  EXPECT_EQ(opened->stream().epoch(), 1u);
  EXPECT_TRUE(opened->stream().resident());
  opened = harness.runtime().OpenStream(OpenRequest("s", ""));
  EXPECT_FALSE(opened->created());
  harness.CreateModel("other");
  EXPECT_EQ(ReasonOf(harness.runtime().OpenStream(OpenRequest("s", "other")).status()), kExists);
  v1::OpenStreamRequest seeded = OpenRequest("s");
  seeded.set_seed(5);
  EXPECT_EQ(ReasonOf(harness.runtime().OpenStream(seeded).status()), kExists);
  EXPECT_EQ(ReasonOf(harness.runtime().OpenStream(OpenRequest("t", "none")).status()), kNoModel);
}

TEST(Streams, TakeChangeableOverridesOnly) {
  Harness harness;
  harness.CreateModel("m");
  v1::OpenStreamRequest request = OpenRequest("s");
  v1::Setting& setting = *request.add_overrides();
  setting.set_name("cell.units");
  setting.set_integer(16);
  EXPECT_EQ(harness.runtime().OpenStream(request).status().code(),
            absl::StatusCode::kInvalidArgument);
  setting.set_name("optimizer.rate");
  setting.set_number(0.01);
  const auto opened = harness.runtime().OpenStream(request);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->stream().overrides_size(), 1);
  EXPECT_EQ(opened->stream().overrides(0).number(), 0.01);
  harness.Open();
  ASSERT_EQ(harness.Stream("s").overrides_size(), 1);
}

TEST(Streams, AreListedByIdAndModel) {
  Harness harness;
  harness.CreateModel("m");
  harness.CreateModel("n");
  for (const std::string id : {"c", "a", "b"}) harness.OpenStream(id);
  harness.OpenStream("x", "n");
  v1::ListStreamsRequest request;
  request.set_model("m");
  request.set_page_size(2);
  auto page = *harness.runtime().ListStreams(request);
  ASSERT_EQ(page.streams_size(), 2);
  EXPECT_EQ(page.streams(1).id(), "b");
  request.set_page_token(page.next_page_token());
  page = *harness.runtime().ListStreams(request);
  ASSERT_EQ(page.streams_size(), 1);
  EXPECT_EQ(page.streams(0).id(), "c");
  EXPECT_EQ(harness.runtime().GetModel("m")->stream_count(), 3);
}

TEST(Streams, ThatAreClosedTakeNothingUntilTheyAreOpenedAgain) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  harness.Observe("s", 1, 7);
  const auto closed = harness.runtime().CloseStream(Of<v1::CloseStreamRequest>("s"));
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_TRUE(closed->closed());
  EXPECT_FALSE(closed->resident());
  EXPECT_REASON(harness.Attach("s").status(), kFailedPrecondition, kStreamClosed);
  EXPECT_EQ(ReasonOf(harness.runtime().FreezeStream(Of<v1::FreezeStreamRequest>("s")).status()),
            kStreamClosed);
  harness.Open();
  EXPECT_TRUE(harness.Stream("s").closed());
  const auto opened = harness.runtime().OpenStream(OpenRequest("s"));
  ASSERT_TRUE(opened.ok());
  EXPECT_FALSE(opened->created());
  EXPECT_EQ(opened->stream().applied_seq(), 7u);
  harness.Attach("s");
  EXPECT_FALSE(harness.Observe("s", 8, 1).has_status());
  EXPECT_EQ(harness.Digest("s"), DigestAfter(8));
}

TEST(Streams, ThatAreMadeAgainStartAnewInAHigherEpoch) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  harness.Observe("s", 1, 7);
  const v1::LearnPart old = harness.PartOf("s");
  ASSERT_TRUE(harness.runtime().DeleteStream(Of<v1::DeleteStreamRequest>("s")).ok());
  EXPECT_EQ(ReasonOf(harness.runtime().GetStats("s").status()), kNoStream);
  EXPECT_EQ(ReasonOf(harness.runtime().DeleteStream(Of<v1::DeleteStreamRequest>("s"))), kNoStream);
  const v1::Stream again = harness.OpenStream("s");
  EXPECT_EQ(again.epoch(), 2u);
  EXPECT_EQ(again.applied_seq(), 0u);
  v1::LearnPart part = old;
  *part.mutable_observe() = Observation(1, 1);
  EXPECT_REASON(harness.Send(part).status(), kFailedPrecondition, kStaleEpoch);
  EXPECT_EQ(harness.Digest("s"), DigestAfter(0));
}

TEST(Streams, FollowEventsOfAdministration) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  harness.Observe("s", 1, 10);
  auto stream = harness.runtime().FreezeStream(Of<v1::FreezeStreamRequest>("s"));
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_TRUE(stream->frozen());
  EXPECT_EQ(stream->event(), 2u);
  EXPECT_FALSE(harness.runtime().UnfreezeStream(Of<v1::UnfreezeStreamRequest>("s"))->frozen());
  EXPECT_TRUE(harness.runtime().ResetStream(Of<v1::ResetStreamRequest>("s")).ok());
  EXPECT_TRUE(harness.runtime().SettleStream(Of<v1::SettleStreamRequest>("s")).ok());
  EXPECT_TRUE(harness.runtime().TakeShadow(Of<v1::TakeShadowRequest>("s")).ok());
  v1::SetStreamRequest set = Of<v1::SetStreamRequest>("s");
  v1::Setting& rate = *set.add_settings();
  rate.set_name("optimizer.rate_readout");
  rate.set_number(0.02);
  stream = harness.runtime().SetStream(set);
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_EQ(stream->overrides_size(), 1);
  EXPECT_EQ(stream->event(), 7u);
  rate.set_name("cell.units");
  EXPECT_EQ(harness.runtime().SetStream(set).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(harness.Stream("s").event(), 7u);
  const std::string digest = harness.Digest("s");
  harness.Open();
  EXPECT_EQ(harness.Digest("s"), digest);
  EXPECT_EQ(harness.Stream("s").overrides_size(), 1);
}

TEST(Streams, AreForkedWithTheirCompleteState) {
  Harness harness;
  harness.CreateModel("m", SmallSpec(v1::DURABILITY_PROCESS, "delayed"));
  harness.OpenStream("s", "m", 3);
  harness.Attach("s");
  harness.Observe("s", 1, 40, /*with_targets=*/false);
  harness.Release("s", 31, 5);
  v1::ForkStreamRequest request = Of<v1::ForkStreamRequest>("s");
  request.set_new_id("copy");
  const auto copy = harness.runtime().ForkStream(request);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->applied_seq(), 40u);
  EXPECT_EQ(copy->seed(), 3u);
  EXPECT_EQ(harness.Digest("copy"), harness.Digest("s"));
  EXPECT_EQ(harness.Attach("copy").attach().held_targets_size(), 5);
  for (const std::string id : {"s", "copy"}) {
    harness.Release(id, 1, 30);
    harness.Observe(id, 41, 20, false);
  }
  EXPECT_EQ(harness.Digest("copy"), harness.Digest("s"));
  harness.Open();
  EXPECT_EQ(harness.Digest("copy"), harness.Digest("s"));
  EXPECT_EQ(ReasonOf(harness.runtime().ForkStream(request).status()), kExists);
}

TEST(Requests, ThatAreRepeatedGetTheFirstAnswerEvenAfterARestart) {
  Harness harness;
  const auto first = harness.runtime().CreateModel(CreateRequest("m", "r-1"));
  harness.environment().Advance(absl::Hours(1));
  EXPECT_EQ(harness.runtime().CreateModel(CreateRequest("m", "r-1"))->SerializeAsString(),
            first->SerializeAsString());
  harness.OpenStream("s");
  harness.Attach("s");
  const auto frozen = harness.runtime().FreezeStream(Of<v1::FreezeStreamRequest>("s", "r-2"));
  harness.Observe("s", 1, 3);
  harness.Open();
  EXPECT_EQ(harness.runtime().CreateModel(CreateRequest("m", "r-1"))->SerializeAsString(),
            first->SerializeAsString());
  const auto repeated = harness.runtime().FreezeStream(Of<v1::FreezeStreamRequest>("s", "r-2"));
  EXPECT_EQ(repeated->SerializeAsString(), frozen->SerializeAsString());
  EXPECT_EQ(harness.Stream("s").event(), 2u) << "a repeat is no event";
}

TEST(Requests, OfAnotherKindUnderTheSameIdAreRefused) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  ASSERT_TRUE(harness.runtime().FreezeStream(Of<v1::FreezeStreamRequest>("s", "r")).ok());
  EXPECT_EQ(ReasonOf(harness.runtime().ResetStream(Of<v1::ResetStreamRequest>("s", "r")).status()),
            kRequestConflict);
  EXPECT_EQ(ReasonOf(harness.runtime().CreateModel(CreateRequest("n", "r")).status()),
            kRequestConflict);
}

TEST(Requests, ThatFailedAreTriedAgain) {
  Harness harness;
  v1::OpenStreamRequest request = OpenRequest("s");
  request.set_request_id("r");
  EXPECT_EQ(ReasonOf(harness.runtime().OpenStream(request).status()), kNoModel);
  harness.CreateModel("m");
  EXPECT_TRUE(harness.runtime().OpenStream(request)->created());
  EXPECT_TRUE(harness.runtime().OpenStream(request)->created()) << "the first answer";
}

TEST(Requests, WithTooLongAnIdAreRefused) {
  Harness harness;
  EXPECT_EQ(
      ReasonOf(harness.runtime().CreateModel(CreateRequest("m", std::string(129, 'r'))).status()),
      kBadName);
}

TEST(Drain, AnswersSnapshotsAndRefusesWhatIsNew) {
  Harness harness;
  harness.CreateModel("m");
  harness.OpenStream("s");
  harness.Attach("s");
  harness.Observe("s", 1, 9);
  ASSERT_TRUE(harness.runtime().Drain(absl::Now() + absl::Minutes(1)).ok());
  EXPECT_REASON(harness.Observe("s", 10, 1).status(), kUnavailable, kDraining);
  EXPECT_EQ(ReasonOf(harness.runtime().CreateModel(CreateRequest("n")).status()), kDraining);
  EXPECT_EQ(harness.Stream("s").applied_seq(), 9u);
  v1::ListSnapshotsRequest list;
  list.set_id("s");
  EXPECT_EQ(harness.runtime().ListSnapshots(list)->snapshots_size(), 1);
  harness.Open();
  EXPECT_FALSE(harness.Stream("s").resident()) << "nothing was left to replay";
  EXPECT_EQ(harness.Digest("s"), DigestAfter(9));
}

TEST(Figures, SumOverTheStreamsOfAModel) {
  Harness harness;
  harness.CreateModel("m");
  harness.CreateModel("n");
  for (const std::string id : {"a", "b"}) {
    harness.OpenStream(id);
    harness.Attach(id);
    harness.Observe(id, 1, 10);
  }
  ASSERT_TRUE(harness.runtime().CloseStream(Of<v1::CloseStreamRequest>("b")).ok());
  const RuntimeFigures figures = harness.runtime().Figures();
  ASSERT_EQ(figures.models.size(), 2u);
  EXPECT_EQ(figures.models[0].streams, 2);
  EXPECT_EQ(figures.models[0].resident, 1);
  EXPECT_EQ(figures.models[0].steps, 20u);
  EXPECT_EQ(figures.models[0].with_live_loss, 2);
  EXPECT_GT(figures.models[0].live_loss, 0);
  EXPECT_EQ(figures.models[1].streams, 0);
  EXPECT_GT(figures.resident_bytes, 0);
}

}  // namespace
}  // namespace millrace::server
