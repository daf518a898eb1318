#include "engine/errors.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

TEST(ErrorsTest, AnErrorCarriesItsReasonAndMetadata) {
  const Metadata metadata = {{"expected_seq", "17"}, {"odd:7:", std::string("a\0b", 3)}};
  const absl::Status status =
      Error(absl::StatusCode::kOutOfRange, kSequenceGap, "first_seq is 19; expected 17", metadata);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "first_seq is 19; expected 17");
  EXPECT_EQ(ReasonOf(status), "SEQUENCE_GAP");
  EXPECT_EQ(MetadataOf(status), metadata);
}

TEST(ErrorsTest, AStatusOfOthersHasNoReason) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "");
  EXPECT_TRUE(MetadataOf(absl::InternalError("x")).empty());
}

TEST(ErrorsTest, ADamagedPayloadGivesNoReasonRatherThanACrash) {
  const std::string url = "millrace/reason";
  for (const char* payload : {"5", "5:ab", "99999999999999999999999:x", "x", "-1:a", "1:ab:"}) {
    absl::Status status = absl::InternalError("x");
    status.SetPayload(url, absl::Cord(payload));
    EXPECT_EQ(ReasonOf(status), "") << payload;
    EXPECT_TRUE(MetadataOf(status).empty()) << payload;
  }
}

}  // namespace
}  // namespace millrace::engine
