#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "millrace/v1/model.grpc.pb.h"
#include "server/services/status_map.h"
#include "tests/server/services/serving.h"

namespace millrace::server {
namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

// Says no to everything.
class ClosedAuthorizer final : public Authorizer {
 public:
  absl::Status Authorize(const std::string& principal, Verb verb,
                         absl::string_view stream) const override {
    return NotAllowed(principal, verb, stream);
  }
};

std::vector<const ServiceDescriptor*> Contract() {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  return {pool->FindServiceByName("millrace.v1.Models"),
          pool->FindServiceByName("millrace.v1.Streams"),
          pool->FindServiceByName("millrace.v1.Learning"),
          pool->FindServiceByName("inference.GRPCInferenceService")};
}

// Calls any method with one empty message and returns its status.
grpc::Status CallEmpty(const Serving& serving, const MethodDescriptor& method) {
  const std::string path = absl::StrCat("/", method.service()->full_name(), "/", method.name());
  grpc::GenericStub stub(serving.channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, path, &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice nothing("");
  call->WriteLast(grpc::ByteBuffer(&nothing, 1), grpc::WriteOptions(), nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer answer;
  do {
    call->Read(&answer, nullptr);
    queue.Next(&tag, &ok);
  } while (ok);
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  return status;
}

TEST(ServicesTest, EveryMethodOfTheContractPassesTheAuthorizer) {
  Serving serving({}, std::make_unique<ClosedAuthorizer>());
  ASSERT_NE(serving.server, nullptr);
  int methods = 0;
  for (const ServiceDescriptor* service : Contract()) {
    ASSERT_NE(service, nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor& method = *service->method(i);
      // WatchStats asks for each of its streams, and an empty request has none.
      if (method.name() == "WatchStats") continue;
      const grpc::Status status = CallEmpty(serving, method);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << method.full_name();
      EXPECT_EQ(ReasonOfCall(status), "NOT_ALLOWED") << method.full_name();
      ++methods;
    }
  }
  EXPECT_EQ(methods, 36);
  EXPECT_TRUE(serving.fake->calls.empty());
}

TEST(ServicesTest, MethodsThatAreNotCarriedOutSayWhichTheyAre) {
  Serving serving;
  for (const char* name : {"ExportStream", "ImportStream"}) {
    const grpc::Status status = CallEmpty(serving, *Contract()[1]->FindMethodByName(name));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    EXPECT_EQ(ReasonOfCall(status), "NOT_CARRIED_OUT");
    EXPECT_NE(status.error_message().find(name), std::string::npos) << status.error_message();
  }
}

TEST(ServicesTest, ErrorsOfTheRuntimeReachTheCallerWithCodeSentenceAndReason) {
  Serving serving;
  v1::GetStreamRequest request;
  request.set_id("nobody");
  grpc::ClientContext context;
  v1::Stream response;
  const grpc::Status status = serving.streams->GetStream(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "there is no stream 'nobody'");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), 5);
  google::rpc::ErrorInfo reason;
  ASSERT_TRUE(details.details(0).UnpackTo(&reason));
  EXPECT_EQ(reason.reason(), "NO_STREAM");
  EXPECT_EQ(reason.domain(), "millrace");
  EXPECT_EQ(reason.metadata().at("stream"), "nobody");
}

TEST(ServicesTest, EveryStreamMethodReachesTheRuntimeMethodOfItsName) {
  Serving serving;
  for (int i = 0; i < Contract()[1]->method_count(); ++i) {
    CallEmpty(serving, *Contract()[1]->method(i));
  }
  const std::vector<std::string>& calls = serving.fake->calls;
  const std::set<std::string> reached(calls.begin(), calls.end());
  for (const char* name :
       {"GetStream", "CloseStream", "DeleteStream", "ForkStream", "FreezeStream", "UnfreezeStream",
        "ResetStream", "SettleStream", "SetStream", "TakeShadow", "RestoreStream", "SnapshotStream",
        "ListSnapshots", "RollbackStream", "AcceptLoss", "ListVariants", "PromoteVariant"}) {
    EXPECT_EQ(reached.count(absl::StrCat(name, " ")), 1u) << name;
  }
  EXPECT_EQ(calls.size(), 17u);
}

TEST(ServicesTest, ALongSentenceIsCutBetweenCharactersAndKeepsItsReason) {
  std::string sentence;
  for (int i = 0; i < 3000; ++i) sentence += "\xc3\xa4";  // two bytes each
  const grpc::Status status = ToGrpcStatus(
      engine::Error(absl::StatusCode::kInvalidArgument, "BAD_NAME", absl::StrCat("x", sentence)));
  EXPECT_EQ(status.error_message().size(), 1023u);
  EXPECT_EQ(ReasonOfCall(status), "BAD_NAME");
}

TEST(ServicesTest, WatchStatsSendsTheStatisticsAgainAndAgainUntilTheClientGoes) {
  Serving serving;
  serving.Open("a");
  v1::WatchStatsRequest request;
  request.add_streams("a");
  request.set_period_ms(100);
  grpc::ClientContext context;
  const auto watch = serving.streams->WatchStats(&context, request);
  for (int i = 0; i < 3; ++i) {
    v1::WatchStatsResponse response;
    ASSERT_TRUE(watch->Read(&response));
    ASSERT_EQ(response.stats_size(), 1);
    EXPECT_EQ(response.stats(0).stream(), "a");
    EXPECT_EQ(response.stats(0).live_loss(), 0.25);
  }
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(ServicesTest, WatchStatsOfAnUnknownStreamIsNotFound) {
  Serving serving;
  v1::WatchStatsRequest request;
  request.add_streams("nobody");
  grpc::ClientContext context;
  const grpc::Status status = serving.streams->WatchStats(&context, request)->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOfCall(status), "NO_STREAM");
}

TEST(ServicesTest, WatchStatsRefusesPeriodsAndNumbersOfStreamsOutOfBounds) {
  Serving serving;
  v1::WatchStatsRequest none, quick, many;
  quick.add_streams("a");
  quick.set_period_ms(99);
  for (int i = 0; i < 65; ++i) many.add_streams("a");
  for (const v1::WatchStatsRequest& request : {none, quick, many}) {
    grpc::ClientContext context;
    const grpc::Status status = serving.streams->WatchStats(&context, request)->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_NE(ReasonOfCall(status), "");
  }
}

TEST(ServicesTest, AWatchEndsWithDrainingAndNewCallsAreRefusedOnceTheServerDrains) {
  Serving serving;
  serving.Open("a");
  v1::WatchStatsRequest request;
  request.add_streams("a");
  request.set_period_ms(60000);
  grpc::ClientContext context;
  const auto watch = serving.streams->WatchStats(&context, request);
  v1::WatchStatsResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_TRUE(serving.server->Drain(absl::Now() + absl::Seconds(60)).ok());
  EXPECT_FALSE(watch->Read(&response));
  const grpc::Status status = watch->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOfCall(status), "DRAINING");
}

// One field of a grpc.health.v1.HealthCheckResponse: the status; -1 where there is no answer.
int HealthOf(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok() || slices.empty() || slices[0].size() < 2) return -1;
  return slices[0].begin()[1];
}

class HealthWatch {
 public:
  HealthWatch(const Serving& serving, const std::string& service) : stub_(serving.channel) {
    call_ = stub_.PrepareCall(&context_, "/grpc.health.v1.Health/Watch", &queue_);
    call_->StartCall(nullptr);
    Wait();
    const grpc::Slice request(
        service.empty()
            ? ""
            : absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())), service));
    call_->WriteLast(grpc::ByteBuffer(&request, 1), grpc::WriteOptions(), nullptr);
    Wait();
  }
  ~HealthWatch() {
    context_.TryCancel();
    grpc::Status status;
    call_->Finish(&status, nullptr);
    Wait();
  }
  int Next() {
    grpc::ByteBuffer response;
    call_->Read(&response, nullptr);
    return Wait() ? HealthOf(response) : -1;
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    return ok;
  }
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

constexpr int kServing = 1, kNotServing = 2;

TEST(ServicesTest, HealthIsServingUntilTheDrainBegins) {
  Serving serving;
  HealthWatch watch(serving, "");
  EXPECT_EQ(watch.Next(), kServing);
  std::thread drain(
      [&serving] { EXPECT_TRUE(serving.server->Drain(absl::Now() + absl::Seconds(60)).ok()); });
  EXPECT_EQ(watch.Next(), kNotServing);
  drain.join();
}

TEST(ServicesTest, TheLearningServiceIsNotServingWhileTheStoreIsOutOfSpace) {
  Serving serving;
  HealthWatch watch(serving, kLearningService);
  EXPECT_EQ(watch.Next(), kServing);
  serving.fake->Await([&serving] {
    serving.fake->health = absl::ResourceExhaustedError("out of space");
    return true;
  });
  EXPECT_EQ(watch.Next(), kNotServing);
  serving.fake->Await([&serving] {
    serving.fake->health = absl::DataLossError("stream 'a' is quarantined");
    return true;
  });
  EXPECT_EQ(watch.Next(), kServing);
}

TEST(ServicesTest, TheLearningServiceIsNotServingOnceADeviceHasFailed) {
  Serving serving;
  HealthWatch watch(serving, kLearningService);
  EXPECT_EQ(watch.Next(), kServing);
  serving.fake->Await([&serving] {
    serving.fake->health = absl::UnavailableError("the device has failed");
    return true;
  });
  EXPECT_EQ(watch.Next(), kNotServing);
}

TEST(ServicesTest, CallsAreCountedByMethodAndCode) {
  Serving serving;
  serving.Open("a");
  for (const char* id : {"a", "nobody", "nobody"}) {
    v1::GetStreamRequest request;
    request.set_id(id);
    grpc::ClientContext context;
    v1::Stream response;
    serving.streams->GetStream(&context, request, &response);
  }
  std::map<std::string, double> counts;
  for (const prometheus::MetricFamily& family : serving.metrics->Collect()) {
    if (family.name != "millrace_rpcs_total") continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::string key;
      for (const auto& label : metric.label) key += label.value + " ";
      counts[key] = metric.counter.value;
    }
  }
  EXPECT_EQ(counts, (std::map<std::string, double>{{"OK Streams/GetStream ", 1},
                                                   {"NOT_FOUND Streams/GetStream ", 2},
                                                   {"OK Streams/OpenStream ", 1}}));
}

TEST(ServicesTest, ASecondServerOnTheSamePortIsRefusedWithTheAddress) {
  Serving first;
  ServerConfig config;
  config.set_listen(ToText(first.server->grpc_address()));
  config.set_metrics_listen("127.0.0.1:0");
  config.set_store("unused");
  ASSERT_TRUE(Complete(&config).ok());
  auto second = Server::Start(config, grpc::InsecureServerCredentials(),
                              std::make_unique<FakeRuntime>(), std::make_shared<ServerMetrics>());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(ToText(first.server->grpc_address())),
            absl::string_view::npos);
  config.set_listen("127.0.0.1:0");
  config.set_metrics_listen(ToText(first.server->metrics_address()));
  second = Server::Start(config, grpc::InsecureServerCredentials(), std::make_unique<FakeRuntime>(),
                         std::make_shared<ServerMetrics>());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(ToText(first.server->metrics_address())),
            absl::string_view::npos);
}

}  // namespace
}  // namespace millrace::server
