#include "client/cpp/status.h"

#include <gtest/gtest.h>

#include "tests/client/fake_stream.h"

namespace millrace::client {
namespace {

TEST(StatusTest, AFaultInAReplyKeepsCodeSentenceReasonAndMetadata) {
  const absl::Status status = FromRpc(ToRpc(
      FakeError(absl::StatusCode::kOutOfRange, "SEQUENCE_GAP", "a gap", {{"expected_seq", "12"}})));
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "a gap");
  EXPECT_EQ(ReasonOf(status), "SEQUENCE_GAP");
  EXPECT_EQ(MetadataOf(status).at("expected_seq"), "12");
}

TEST(StatusTest, AFaultOfACallKeepsItsReason) {
  const google::rpc::Status rpc =
      ToRpc(FakeError(absl::StatusCode::kNotFound, "NO_STREAM", "no such stream"));
  const absl::Status status = FromGrpc(
      grpc::Status(grpc::StatusCode::NOT_FOUND, "no such stream", rpc.SerializeAsString()));
  EXPECT_EQ(status.message(), "no such stream");
  EXPECT_EQ(ReasonOf(status), "NO_STREAM");
}

TEST(StatusTest, AStatusWithoutDetailsHasNoReason) {
  const absl::Status status =
      FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused", "garbage"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "");
  EXPECT_TRUE(MetadataOf(status).empty());
  EXPECT_TRUE(IsTransient(status));
}

TEST(StatusTest, SuccessStaysSuccess) {
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
  EXPECT_TRUE(FromRpc(google::rpc::Status()).ok());
}

}  // namespace
}  // namespace millrace::client
