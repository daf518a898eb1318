#include "server/log.h"

#include <gtest/gtest.h>

namespace millrace::server {
namespace {

const absl::Time kNoon = absl::FromUnixMillis(1772366400123);

TEST(LogTest, AnEventIsOneLineOfLogfmt) {
  EXPECT_EQ(LogLine(kNoon, Severity::kInfo, "serving", {{"grpc", "127.0.0.1:7070"}, {"n", "3"}}),
            "ts=2026-03-01T12:00:00.123Z level=info event=serving grpc=127.0.0.1:7070 n=3");
}

TEST(LogTest, WhatAClientSentCannotForgeALineOrAField) {
  EXPECT_EQ(LogLine(kNoon, Severity::kError, "e", {{"v", "a\nlevel=info \"x\"\\\x01"}, {"w", ""}}),
            "ts=2026-03-01T12:00:00.123Z level=error event=e "
            "v=\"a\\nlevel=info \\\"x\\\"\\\\\\x01\" w=\"\"");
}

TEST(LogTest, ALongValueIsCut) {
  const std::string line =
      LogLine(kNoon, Severity::kWarning, "e", {{"v", std::string(10000, 'a')}});
  EXPECT_LT(line.size(), 4200u);
}

}  // namespace
}  // namespace millrace::server
