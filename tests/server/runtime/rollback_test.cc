// Snapshots on request, and going back to one.

#include <string>

#include "engine/errors.h"
#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

using engine::ReasonOf;

template <typename Request>
Request Of(const std::string& id) {
  Request request;
  request.set_id(id);
  return request;
}

class RollbackTest : public testing::Test {
 protected:
  RollbackTest() {
    harness_.CreateModel("m");
    harness_.OpenStream("s");
    harness_.Attach("s");
  }
  v1::Snapshot Snapshot() {
    const auto snapshot = harness_.runtime().SnapshotStream(Of<v1::SnapshotStreamRequest>("s"));
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot.ok() ? *snapshot : v1::Snapshot();
  }
  Harness harness_;
};

TEST_F(RollbackTest, SnapshotsAreListedOldestFirst) {
  for (std::uint64_t seq = 1; seq <= 40; seq += 10) {
    harness_.Observe("s", seq, 10);
    Snapshot();
  }
  const auto list = harness_.runtime().ListSnapshots(Of<v1::ListSnapshotsRequest>("s"));
  ASSERT_EQ(list->snapshots_size(), 4) << "those asked for stay beyond the two generations";
  EXPECT_EQ(list->snapshots(0).applied_seq(), 10u);
  EXPECT_EQ(list->snapshots(3).event(), 4u);
  EXPECT_EQ(list->snapshots(3).checksum().size(), 64u);
  EXPECT_GT(list->snapshots(3).bytes(), 0);
}

TEST_F(RollbackTest, ASnapshotOfAnUnchangedStreamIsTheOneThatIsThere) {
  harness_.Observe("s", 1, 10);
  EXPECT_EQ(Snapshot().SerializeAsString(), Snapshot().SerializeAsString());
}

TEST_F(RollbackTest, RewindsNumbersAndStateAndRaisesTheEpoch) {
  harness_.Observe("s", 1, 10);
  Snapshot();
  harness_.Observe("s", 11, 10);
  Snapshot();
  harness_.Observe("s", 21, 10);
  v1::LearnPart old = harness_.PartOf("s");
  v1::RollbackStreamRequest request = Of<v1::RollbackStreamRequest>("s");
  request.set_event(1);
  const auto stream = harness_.runtime().RollbackStream(request);
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(stream->epoch(), 2u);
  EXPECT_EQ(stream->applied_seq(), 10u);
  EXPECT_EQ(stream->durable_seq(), 10u);
  EXPECT_EQ(stream->event(), 1u);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(10));
  *old.mutable_observe() = Observation(11, 1);
  EXPECT_REASON(harness_.Send(old).status(), kFailedPrecondition, kStaleEpoch);
  EXPECT_FALSE(harness_.Attach("s", 30).has_status()) << "numbering was rewound, nothing is lost";
  EXPECT_FALSE(harness_.Observe("s", 11, 35).has_status());
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(45));
  harness_.Open(harness_.Crashed("crash"));
  EXPECT_EQ(harness_.Stream("s").epoch(), 2u);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(45));
}

TEST_F(RollbackTest, GoesToTheNewestWhereNoneIsNamed) {
  harness_.Observe("s", 1, 10);
  Snapshot();
  harness_.Observe("s", 11, 10);
  const auto stream = harness_.runtime().RollbackStream(Of<v1::RollbackStreamRequest>("s"));
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(stream->applied_seq(), 10u);
}

TEST_F(RollbackTest, WithoutSuchASnapshotIsRefusedAndChangesNothing) {
  harness_.Observe("s", 1, 10);
  v1::RollbackStreamRequest request = Of<v1::RollbackStreamRequest>("s");
  EXPECT_EQ(ReasonOf(harness_.runtime().RollbackStream(request).status()), kNoSnapshot);
  Snapshot();
  request.set_event(77);
  EXPECT_EQ(ReasonOf(harness_.runtime().RollbackStream(request).status()), kNoSnapshot);
  EXPECT_EQ(harness_.Stream("s").epoch(), 1u);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(10));
}

TEST_F(RollbackTest, TwiceAndOverTheSameEventsLeavesNoTraceOfTheOldOnes) {
  harness_.Observe("s", 1, 10);
  Snapshot();
  for (int round = 0; round < 3; ++round) {
    harness_.Attach("s");
    for (std::uint64_t seq = 11; seq <= 60; seq += 5) harness_.Observe("s", seq, 5);
    if (round == 1) Snapshot();
    v1::RollbackStreamRequest request = Of<v1::RollbackStreamRequest>("s");
    request.set_event(1);
    ASSERT_TRUE(harness_.runtime().RollbackStream(request).ok());
  }
  harness_.Attach("s");
  harness_.Observe("s", 11, 3);
  harness_.Open(harness_.Crashed("crash"));
  EXPECT_EQ(harness_.Stream("s").epoch(), 4u);
  EXPECT_EQ(harness_.Digest("s"), DigestAfter(13));
  EXPECT_EQ(harness_.runtime().ListSnapshots(Of<v1::ListSnapshotsRequest>("s"))->snapshots_size(),
            1);
}

}  // namespace
}  // namespace millrace::server
