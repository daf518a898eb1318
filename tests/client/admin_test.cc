#include <gtest/gtest.h>

#include <set>

#include "client/cpp/client.h"
#include "client/cpp/status.h"
#include "tests/client/fake_server.h"

namespace millrace::client {
namespace {

std::unique_ptr<Client> ConnectTo(const FakeServer& server) {
  return Client::Connect({.server = server.address()}).value();
}

TEST(ClientTest, ModelsAndStreamsAreCreatedListedAndDescribed) {
  FakeServer server;
  const auto client = ConnectTo(server);
  v1::ModelSpec spec;
  spec.mutable_input()->set_name("bytes");
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(client->CreateModel(name, spec).ok());
  EXPECT_EQ(client->ListModels()->size(), 3u);  // the fake serves pages of one
  EXPECT_EQ(client->GetModel("b")->spec().input().name(), "bytes");
  const auto opened = client->OpenStream("s", {.model = "a", .seed = 7});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->created());
  EXPECT_EQ(client->GetStream("s")->seed(), 7u);
  EXPECT_EQ(client->GetStream("s")->digest(), "");
  EXPECT_NE(client->GetStream("s", true)->digest(), "");
  EXPECT_TRUE(client->FreezeStream("s")->frozen());
  EXPECT_EQ(client->DescribeParts("cell")->front().name(), "vanilla");
}

TEST(ClientTest, AnErrorKeepsCodeSentenceAndReason) {
  FakeServer server;
  const auto client = ConnectTo(server);
  const absl::Status status = client->GetStream("nobody").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(status), "NO_STREAM");
  EXPECT_EQ(status.message(), "stream 'nobody' does not exist");
}

TEST(ClientTest, AChangeIsTriedAgainUnderOneRequestIdWhileTheServerDrains) {
  FakeServer server;
  server.AddStream("s", {});
  server.RefuseAdministration(2);
  ASSERT_TRUE(ConnectTo(server)->FreezeStream("s").ok());
  const std::vector<std::string> ids = server.request_ids();
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
}

TEST(ClientTest, AnUnreachableServerIsNamedWhenTheDeadlineHasPassed) {
  FakeServer server;
  server.Stop();
  const auto client =
      Client::Connect({.server = server.address(), .deadline = absl::Milliseconds(200)}).value();
  const absl::Status status = client->GetStream("s").status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find(server.address()), std::string::npos) << status;
}

TEST(ClientTest, AnAddressWithoutAPortIsRefused) {
  for (const char* address : {"localhost", ":7070", "host:", "host:0", "host:70707"}) {
    EXPECT_EQ(Client::Connect({.server = address}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(ClientTest, ACertificateWithoutItsKeyIsRefused) {
  ConnectOptions options{.server = "127.0.0.1:7070", .tls = TlsOptions{}};
  options.tls->certificate_file = "client.pem";
  EXPECT_EQ(Client::Connect(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ClientTest, AWatchGivesFiguresUntilItIsCancelled) {
  FakeServer server;
  server.AddStream("s", {});
  const auto watch = ConnectTo(server)->WatchStats({"s"});
  v1::WatchStatsResponse response;
  ASSERT_TRUE(watch->Next(&response));
  EXPECT_EQ(response.stats(0).stream(), "s");
  watch->Cancel();
  while (watch->Next(&response)) {
  }
  EXPECT_EQ(watch->status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace millrace::client
