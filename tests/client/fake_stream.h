// A stream of the fake server: the numbering rules of the wire contract over a toy learner whose
// every prediction depends on everything learned before, so that a step observed twice, or a target
// learned twice, shows in the next prediction and in `digest`.
//
// The learner counts: classification gives the logits log(n_k + 1/2) of the classes learned so far,
// regression the mean of the targets so far. A reset adds one to a counter that enters the digest
// together with the step it came after. Thread-compatible.
#ifndef MILLRACE_TESTS_CLIENT_FAKE_STREAM_H_
#define MILLRACE_TESTS_CLIENT_FAKE_STREAM_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "millrace/v1/learn.pb.h"
#include "millrace/v1/model.pb.h"
#include "millrace/v1/stream.pb.h"

namespace millrace::client {

// What the toy learner needs to know of a model.
struct FakeShape {
  int inputs = 1;   // d; 0 for bytes
  int outputs = 1;  // m
  bool classes = false;
  bool next_input = false;
  bool delayed = false;
};
FakeShape ShapeOf(const v1::ModelSpec& spec);

class FakeStream {
 public:
  FakeStream(std::string id, std::string model, FakeShape shape);

  // One part of the attached writer. Gives the reply without numbers, or the fault.
  absl::Status Apply(const v1::LearnPart& part, v1::LearnPartReply* reply);
  void TakeShadow();
  void MakeDurable() { durable_seq = applied_seq; }
  std::string Digest() const;

  std::string id, model;
  std::uint64_t epoch = 1, token = 0, seed = 0;
  std::uint64_t applied_seq = 0, learned_seq = 0, durable_seq = 0, event = 0, shadow_seq = 0;
  bool frozen = false, closed = false;
  bool durable_at_once = true;
  std::vector<std::uint64_t> open_targets() const;

  // What happened, for tests.
  std::vector<float> first_inputs;                       // of each step observed
  std::vector<std::pair<std::uint64_t, float>> learned;  // step and (first) target, as learned
  std::vector<std::uint64_t> resets;                     // step after which each came
  std::vector<std::uint64_t> settles;
  std::vector<v1::LateTargets> releases;
  int duplicate_steps = 0;  // steps offered again

 private:
  struct Target {
    std::vector<double> values;  // [m], or the class alone
    bool none = false;
  };

  absl::Status Observe(const v1::Observe& observe, v1::ObserveResult* result);
  absl::Status LateTargets(const v1::LateTargets& late, v1::LateTargetsResult* result);
  std::optional<Target> TargetAt(const v1::TargetBlock& block, std::uint32_t row,
                                 std::uint32_t steps) const;
  std::vector<float> Predict(const std::vector<double>& counts) const;
  // Cross-entropy of the present prediction.
  float LossOf(int label) const;
  void Learn(std::uint64_t seq, const Target& target);
  void Advance();

  FakeShape shape_;
  std::vector<double> counts_, shadow_counts_;  // per class, or [m sums..., number]
  std::map<std::uint64_t, Target> held_;        // open steps with a known fate
};

// A status with ErrorInfo, as a server makes it.
absl::Status FakeError(absl::StatusCode code, const std::string& reason,
                       const std::string& sentence,
                       const std::map<std::string, std::string>& metadata = {});
google::rpc::Status ToRpc(const absl::Status& status);

}  // namespace millrace::client

#endif  // MILLRACE_TESTS_CLIENT_FAKE_STREAM_H_
