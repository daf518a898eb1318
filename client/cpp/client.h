// The client of a Millrace server: administration as typed calls, and sessions for the data plane.
//
//   auto client = Client::Connect({.server = "127.0.0.1:7070"}).value();
//   client->CreateModel("bci", spec);
//   client->OpenStream("left-hand", {.model = "bci", .seed = 1});
//   std::shared_ptr<Session> session = client->StartSession();
//
// Every call has the deadline of ConnectOptions and is tried again while the server is UNAVAILABLE;
// calls that change something carry a request_id, so that a repeat is the same call. Errors keep
// the server's code, sentence and reason (status.h). Names are checked by the server. Thread-safe.
#ifndef MILLRACE_CLIENT_CPP_CLIENT_H_
#define MILLRACE_CLIENT_CPP_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/channel.h"
#include "client/cpp/session.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "millrace/v1/learn.grpc.pb.h"
#include "millrace/v1/model.grpc.pb.h"
#include "millrace/v1/stream.grpc.pb.h"

namespace millrace::client {

struct OpenOptions {
  std::string model = "";  // required for a new stream
  std::optional<std::uint64_t> seed = std::nullopt;
  std::vector<v1::Setting> overrides = {};  // names as "optimizer.rate"
};

struct ForkOptions {
  std::vector<v1::Setting> settings = {};  // in which the copy differs
  bool follow = false;                     // the copy learns on the stream's input, as its variant
};

// Figures of some streams at a steady pace. Next is for one thread; Cancel for any.
class StatsWatch {
 public:
  StatsWatch(v1::Streams::Stub* stub, const v1::WatchStatsRequest& request);
  // False at the end; then status() says why.
  bool Next(v1::WatchStatsResponse* response);
  absl::Status status();
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchStatsResponse>> reader_;
};

class Client {
 public:
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ConnectOptions& options);

  absl::StatusOr<v1::Model> CreateModel(const std::string& name, const v1::ModelSpec& spec);
  absl::StatusOr<v1::Model> GetModel(const std::string& name);
  absl::StatusOr<std::vector<v1::Model>> ListModels();
  absl::Status DeleteModel(const std::string& name);
  // `kind` empty for all.
  absl::StatusOr<std::vector<v1::PartDescription>> DescribeParts(const std::string& kind = "");

  absl::StatusOr<v1::OpenStreamResponse> OpenStream(const std::string& id,
                                                    const OpenOptions& options);
  absl::StatusOr<v1::Stream> GetStream(const std::string& id, bool with_digest = false);
  // `model` empty for all.
  absl::StatusOr<std::vector<v1::Stream>> ListStreams(const std::string& model = "");
  absl::StatusOr<v1::Stream> CloseStream(const std::string& id);
  absl::Status DeleteStream(const std::string& id);
  absl::StatusOr<v1::Stream> ForkStream(const std::string& id, const std::string& new_id,
                                        const ForkOptions& options = {});
  // How the variants of a stream compare with it, the best first.
  absl::StatusOr<std::vector<v1::Variant>> ListVariants(const std::string& id);
  // The variant's state becomes the stream's.
  absl::StatusOr<v1::Stream> PromoteVariant(const std::string& id, const std::string& variant);
  absl::StatusOr<v1::Stream> FreezeStream(const std::string& id);
  absl::StatusOr<v1::Stream> UnfreezeStream(const std::string& id);
  absl::StatusOr<v1::Stream> ResetStream(const std::string& id);
  absl::StatusOr<v1::Stream> SettleStream(const std::string& id);
  absl::StatusOr<v1::Stream> SetStream(const std::string& id,
                                       const std::vector<v1::Setting>& settings);
  absl::StatusOr<v1::Stream> TakeShadow(const std::string& id);
  absl::StatusOr<v1::Stream> RestoreStream(const std::string& id);
  absl::StatusOr<v1::Snapshot> SnapshotStream(const std::string& id);
  absl::StatusOr<std::vector<v1::Snapshot>> ListSnapshots(const std::string& id);
  // `event` absent for the newest snapshot.
  absl::StatusOr<v1::Stream> RollbackStream(const std::string& id,
                                            std::optional<std::uint64_t> event = std::nullopt);
  absl::StatusOr<v1::Stream> AcceptLoss(const std::string& id);

  absl::StatusOr<v1::StreamStats> GetStats(const std::string& id);
  // 1 to 64 streams; `period_ms` 0 for the server's second.
  std::unique_ptr<StatsWatch> WatchStats(const std::vector<std::string>& streams,
                                         std::uint32_t period_ms = 0);

  // Of a service, e.g. "millrace.v1.Learning"; empty for the whole server.
  absl::StatusOr<grpc::health::v1::HealthCheckResponse> CheckHealth(const std::string& service);

  // Predicts without advancing. Empty x: the outputs at the present hidden state.
  absl::StatusOr<v1::PeekResponse> Peek(const v1::PeekRequest& request);

  std::shared_ptr<Session> StartSession(const SessionOptions& options = {});

 private:
  Client(const ConnectOptions& options, std::shared_ptr<grpc::Channel> channel);

  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub* stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response);
  // A call of Streams that takes an id and gives a Stream.
  template <typename Request>
  absl::StatusOr<v1::Stream> Act(grpc::Status (v1::Streams::Stub::*method)(grpc::ClientContext*,
                                                                           const Request&,
                                                                           v1::Stream*),
                                 Request request);

  const ConnectOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Models::Stub> models_;
  const std::unique_ptr<v1::Streams::Stub> streams_;
  const std::unique_ptr<v1::Learning::Stub> learning_;
  const std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_CLIENT_H_
