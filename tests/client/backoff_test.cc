#include "client/cpp/backoff.h"

#include <gtest/gtest.h>

namespace millrace::client {
namespace {

TEST(BackoffTest, DoublesWithJitterInTheUpperHalfUpToItsLimit) {
  Backoff backoff(absl::Milliseconds(10), absl::Milliseconds(100), 1);
  for (int whole_ms : {10, 20, 40, 80, 100, 100, 100}) {
    const absl::Duration wait = backoff.Next();
    EXPECT_GE(wait, absl::Milliseconds(whole_ms) / 2);
    EXPECT_LE(wait, absl::Milliseconds(whole_ms));
  }
}

TEST(BackoffTest, StartsAnewAfterASuccess) {
  Backoff backoff(absl::Milliseconds(10), absl::Seconds(100), 1);
  for (int i = 0; i < 50; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Milliseconds(10));
}

TEST(BackoffTest, TwoClientsDoNotWaitTheSame) {
  Backoff one(absl::Milliseconds(10), absl::Seconds(1), 1);
  Backoff other(absl::Milliseconds(10), absl::Seconds(1), 2);
  EXPECT_NE(one.Next(), other.Next());
}

}  // namespace
}  // namespace millrace::client
