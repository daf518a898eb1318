// What a caller asked of a stream and gets back. One operation may travel as several parts (a bulk
// observation is cut to the stream's window); the caller sees one result.
//
// Results are values. Operation is internal to the library and not thread-safe: its session locks.
#ifndef MILLRACE_CLIENT_CPP_OPERATION_H_
#define MILLRACE_CLIENT_CPP_OPERATION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "millrace/v1/learn.pb.h"

namespace millrace::client {

// Where a stream stands, as the server last said.
struct Numbers {
  std::uint64_t epoch = 0;
  std::uint64_t applied_seq = 0;  // last step observed
  std::uint64_t learned_seq = 0;  // last step closed
  std::uint64_t durable_seq = 0;  // last step that survives what the model promises
};

// T consecutive steps to observe. The writer numbers them: `body.first_seq` is ignored.
struct Observation {
  std::uint32_t steps = 1;  // T
  v1::Observe body;
  // The targets hold one row that is meant for all T steps (a single class or weight is recognised
  // without this).
  bool one_target_row = false;
};

// The answer to T steps. Rows of steps without a prediction are NaN. Empty: not asked for, or
// nothing to show (no shadow, no target).
struct Observed {
  std::uint64_t first_seq = 0;
  std::uint32_t steps = 0;           // T
  std::uint32_t outputs_a_step = 0;  // m; 0 where no row came
  // [T]: 0 where the step was applied but its reply was lost with a broken call, or no rows were
  // wanted. What was applied is not predicted again.
  std::vector<std::uint8_t> has_prediction;
  std::uint32_t lost_replies = 0;     // steps applied whose reply was lost
  std::vector<float> outputs;         // [T, m], as served
  std::vector<float> probabilities;   // [T, m]
  std::vector<float> shadow_outputs;  // [T, m]
  std::vector<float> residual_sd;     // [T, m]
  std::vector<float> novelty;         // [T]
  std::vector<float> disagreement;    // [T]
  std::vector<float> loss;            // [T]
  std::vector<float> shadow_loss;     // [T]
  bool served_shadow = false;         // in the last part
  std::uint64_t trailing_steps = 0;   // after the last part
  Numbers numbers;
};

// The answer to late targets, a settle or a reset.
struct Acknowledged {
  // The server had it already: it was sent twice because the first reply was lost, or its targets
  // were held.
  bool repeated = false;
  std::uint32_t taken = 0, skipped = 0;  // targets
  std::optional<double> loss, shadow_loss;
  Numbers numbers;
};

using ObserveCallback = std::function<void(absl::StatusOr<Observed>)>;
using AcknowledgeCallback = std::function<void(absl::StatusOr<Acknowledged>)>;

// Calls to the program that are due; made when no lock is held.
using Calls = std::vector<std::function<void()>>;

class Operation {
 public:
  virtual ~Operation() = default;

  // One of its parts became two.
  void Split() { ++parts_; }
  // One of its parts was answered.
  void Answer(const v1::LearnPartReply& reply, const Numbers& numbers, Calls* calls);
  // One of its parts, of `steps` steps, is known to be applied, but its reply is lost.
  void AnswerLost(std::uint32_t steps, const Numbers& numbers, Calls* calls);
  // The caller gets `status`, not OK; what comes later for this operation is dropped.
  void Fail(const absl::Status& status, Calls* calls);

  bool finished() const { return finished_; }

 protected:
  virtual void Absorb(const v1::LearnPartReply& reply) = 0;
  virtual void AbsorbLost(std::uint32_t steps) = 0;
  // The call that hands over the result, or `status` where that is not OK.
  virtual std::function<void()> Finish(const absl::Status& status, const Numbers& numbers) = 0;

 private:
  void PartDone(const Numbers& numbers, Calls* calls);

  int parts_ = 1;
  bool finished_ = false;
};

class ObserveOperation : public Operation {
 public:
  ObserveOperation(std::uint64_t first_seq, std::uint32_t steps, ObserveCallback callback);

 protected:
  void Absorb(const v1::LearnPartReply& reply) override;
  void AbsorbLost(std::uint32_t steps) override { result_.lost_replies += steps; }
  std::function<void()> Finish(const absl::Status& status, const Numbers& numbers) override;

 private:
  Observed result_;
  ObserveCallback callback_;
};

class AcknowledgeOperation : public Operation {
 public:
  explicit AcknowledgeOperation(AcknowledgeCallback callback) : callback_(std::move(callback)) {}

 protected:
  void Absorb(const v1::LearnPartReply& reply) override;
  void AbsorbLost(std::uint32_t) override { result_.repeated = true; }
  std::function<void()> Finish(const absl::Status& status, const Numbers& numbers) override;

 private:
  Acknowledged result_;
  AcknowledgeCallback callback_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CPP_OPERATION_H_
