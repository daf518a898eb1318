// A Millrace server in the test's own process: real gRPC on a loopback port, toy streams
// (fake_stream.h), and faults on demand. Its state outlives Restart, as a store would.
//
// Thread-safe.
#ifndef MILLRACE_TESTS_CLIENT_FAKE_SERVER_H_
#define MILLRACE_TESTS_CLIENT_FAKE_SERVER_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "grpcpp/server.h"
#include "millrace/v1/learn.grpc.pb.h"
#include "millrace/v1/model.grpc.pb.h"
#include "millrace/v1/stream.grpc.pb.h"
#include "tests/client/fake_stream.h"

namespace millrace::client {

// What to do with a part of a Learn call.
struct Fault {
  enum class Kind {
    kNone,
    kDropBefore,  // end the call, the part is not applied
    kDropAfter,   // apply it, end the call without a reply
    kRefuse,      // answer with `status`
  };
  Kind kind = Kind::kNone;
  absl::Status status;
};

class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  std::string address() const;
  void Stop();
  void Start();  // on the same port
  void Restart() {
    Stop();
    Start();
  }

  // Asked for every part before it is applied, attaches included, under the server's lock.
  void OnPart(std::function<Fault(const v1::LearnPart&)> on_part);
  // Replies wait until they are let go.
  void HoldReplies(bool hold);
  // What every stream has as its variants.
  void SetVariants(const v1::ListVariantsResponse& variants);
  // Whether millrace.v1.Learning calls itself serving.
  void SetLearning(bool serving);
  void SetWindow(std::uint32_t steps, std::uint32_t bytes);
  // Every administrative call answers UNAVAILABLE that many times.
  void RefuseAdministration(int times);
  // The same from within what OnPart was given.
  void RefuseAdministrationLocked(int times) { refuse_administration_ = times; }

  FakeStream& AddStream(const std::string& id, const FakeShape& shape,
                        const std::string& model = "m");
  // Runs `look` on a stream under the server's lock.
  void WithStream(const std::string& id, const std::function<void(FakeStream&)>& look);
  // Waits until `done` holds of the stream; false after 10 s.
  bool WaitFor(const std::string& id, const std::function<bool(const FakeStream&)>& done);
  int parts_received() const;
  // Most steps of one stream that were unanswered at a time.
  std::uint64_t most_unanswered_steps() const;
  std::vector<std::string> request_ids() const;

 private:
  class Models;
  class Streams;
  class Learning;

  std::unique_ptr<grpc::Service> NewModelsService();
  std::unique_ptr<grpc::Service> NewStreamsService();

  // One part: applies it or not, as the faults say. False: the call is to be ended.
  bool Handle(const v1::LearnPart& part, v1::LearnPartReply* reply);
  absl::Status HandleAttach(const v1::LearnPart& part, v1::LearnPartReply* reply);
  v1::Stream Describe(const FakeStream& stream, bool with_digest) const;
  FakeStream* Find(const std::string& id);
  // Takes note of a call of the administration; the status to answer where it is to fail.
  grpc::Status Administer(const std::string& request_id);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, v1::Model> models_;
  std::map<std::string, FakeStream> streams_;
  std::map<std::string, std::vector<v1::Snapshot>> snapshots_;
  v1::ListVariantsResponse variants_;
  std::function<Fault(const v1::LearnPart&)> on_part_;
  std::map<std::string, std::uint64_t> unanswered_steps_;
  std::vector<std::string> request_ids_;
  std::uint64_t most_unanswered_steps_ = 0;
  std::uint64_t next_token_ = 1;
  std::uint32_t window_steps_ = 4096, window_bytes_ = 4 << 20;
  int parts_received_ = 0;
  int refuse_administration_ = 0;
  bool hold_ = false;
  bool stopping_ = false;
  int port_ = 0;

  std::unique_ptr<grpc::Service> models_service_, streams_service_;
  std::unique_ptr<Learning> learning_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace millrace::client

#endif  // MILLRACE_TESTS_CLIENT_FAKE_SERVER_H_
