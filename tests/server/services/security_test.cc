#include <gtest/gtest.h>

#include <fstream>

#include "engine/errors.h"
#include "server/security/address.h"
#include "server/security/authorize.h"
#include "server/security/tls.h"

namespace millrace::server {
namespace {

TEST(AddressTest, LoopbackIsRecognisedAndNothingElseIs) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:0", "localhost:65535"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_TRUE(IsLoopback(*address)) << text;
    EXPECT_EQ(ToText(*address), text);
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "localhost.example.org:1",
                           "127.0.0.1.example.org:1", "[::ffff:10.0.0.1]:1", "1270.0.0.1:1"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_FALSE(IsLoopback(*address)) << text;
  }
}

TEST(AddressTest, WhatIsNotHostAndPortIsRefused) {
  for (const char* text : {"", "localhost", ":1", "a:", "a:65536", "a:-1", "a:1x", "::1:1"}) {
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  }
}

TEST(AuthorizeTest, OnlyTheLocalPrincipalIsLetIn) {
  const LocalAuthorizer authorizer;
  EXPECT_TRUE(authorizer.Authorize("local", Verb::kAdmin, "a").ok());
  const absl::Status status = authorizer.Authorize("mallory", Verb::kObserve, "a");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(engine::ReasonOf(status), "NOT_ALLOWED");
}

TEST(TlsTest, WithoutACertificateTheCredentialsArePlain) { EXPECT_TRUE(MakeCredentials({}).ok()); }

TEST(TlsTest, AFileThatIsNoCertificateIsNamed) {
  const std::string path = ::testing::TempDir() + "not_a_certificate.pem";
  std::ofstream(path) << "nothing of the kind";
  const auto credentials = MakeCredentials({path, path, ""});
  ASSERT_FALSE(credentials.ok());
  EXPECT_NE(credentials.status().message().find(path), absl::string_view::npos);
  const auto missing = MakeCredentials({"/nowhere/cert.pem", path, ""});
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.status().message().find("/nowhere/cert.pem"), absl::string_view::npos);
}

}  // namespace
}  // namespace millrace::server
