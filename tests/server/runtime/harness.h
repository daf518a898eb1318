// A runtime over a folder of the test's own, and a client of it that waits for every answer.
#ifndef MILLRACE_TESTS_SERVER_RUNTIME_HARNESS_H_
#define MILLRACE_TESTS_SERVER_RUNTIME_HARNESS_H_

#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/runtime.h"
#include "tests/server/store/folders.h"

namespace millrace::server {

constexpr int kInputs = 4, kUnits = 8, kOutputs = 2;

// Value i of step `seq`: the same in every test and every process.
float InputAt(std::uint64_t seq, int i);
float TargetAt(std::uint64_t seq, int i);

v1::ModelSpec SmallSpec(v1::Durability durability = v1::DURABILITY_PROCESS,
                        const std::string& target = "with_observation");
// `steps` steps from `first_seq`, with their targets unless they come late.
v1::Observe Observation(std::uint64_t first_seq, std::uint32_t steps, bool with_targets = true);
v1::LateTargets Targets(std::uint64_t first_seq, std::uint32_t steps);

// Digest of a stream that has seen steps 1 to `steps` of Observation, one at a time, with nothing
// around it but the engine.
std::string DigestAfter(std::uint64_t steps, std::uint64_t seed = 0,
                        v1::Durability durability = v1::DURABILITY_PROCESS);

std::string ReasonIn(const google::rpc::Status& status);

class Harness {
 public:
  Harness();
  explicit Harness(const RuntimeOptions& options);

  // Opens (again); the store is in `folder`, by default the harness's own.
  void Open(const std::string& folder = "");
  // Whom the runtime tells what happens, from the next Open on; outlives the harness.
  void Listen(RuntimeObserver* observer) { observer_ = observer; }
  // As the end of the process would: nothing is drained.
  void Drop() { runtime_.reset(); }
  // Copies the store while it is open, as a crash at this instant would leave it.
  std::string Crashed(const std::string& name);
  Runtime& runtime() { return *runtime_; }
  RuntimeOptions& options() { return options_; }
  FakeEnvironment& environment() { return environment_; }
  std::string store() const { return folder_ / "store"; }

  void CreateModel(const std::string& name, const v1::ModelSpec& spec = SmallSpec());
  v1::Stream OpenStream(const std::string& id, const std::string& model = "m",
                        std::uint64_t seed = 0);
  v1::Stream Stream(const std::string& id);
  std::string Digest(const std::string& id);

  // Sends a part as the stream's writer (see Attach) and waits for the reply.
  v1::LearnPartReply Send(v1::LearnPart part);
  std::future<v1::LearnPartReply> SendAsync(v1::LearnPart part);
  v1::LearnPart PartOf(const std::string& id);  // with the writer's epoch and token
  v1::LearnPartReply Attach(const std::string& id, std::uint64_t last_durable_seq = 0);
  v1::LearnPartReply Observe(const std::string& id, std::uint64_t first_seq, std::uint32_t steps,
                             bool with_targets = true);
  v1::LearnPartReply Release(const std::string& id, std::uint64_t first_seq, std::uint32_t steps);

 private:
  struct Writer {
    std::uint64_t epoch = 0, token = 0;
  };
  Folder folder_;
  FakeEnvironment environment_;
  RuntimeOptions options_;
  RuntimeObserver* observer_ = nullptr;
  std::unique_ptr<Runtime> runtime_;
  std::map<std::string, Writer> writers_;
};

#define EXPECT_REASON(status, code_, reason)                                               \
  do {                                                                                     \
    const google::rpc::Status found = (status);                                            \
    EXPECT_EQ(found.code(), static_cast<int>(absl::StatusCode::code_)) << found.message(); \
    EXPECT_EQ(ReasonIn(found), reason) << found.message();                                 \
  } while (false)

}  // namespace millrace::server

#endif  // MILLRACE_TESTS_SERVER_RUNTIME_HARNESS_H_
