// A stream of a benchmark: the model that a case names, and one message that is applied to it again
// and again, numbered on.
//
// d = 40 inputs, m = 4 outputs, mean squared error, float32, a target with each observation; or
// bytes, each the target of the one before. What comes in was drawn beforehand.
// Thread-compatible; nothing is allocated after the first message.
#ifndef MILLRACE_TESTS_BENCH_PLAYED_STREAM_H_
#define MILLRACE_TESTS_BENCH_PLAYED_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/spec.h"
#include "engine/stream.h"

namespace millrace::bench {

inline constexpr std::int64_t kInputs = 40;
inline constexpr std::int64_t kOutputs = 4;
inline constexpr std::int64_t kMessageSteps = 64;

// kOneHotVector: a byte as 256 dense inputs; kBytes: a byte, 4 outputs; kNextByte: a byte, its
// target the next one.
enum class Input { kVector, kOneHotVector, kBytes, kNextByte };

struct Case {
  std::string cell;
  // "trace": immediate with decay; "ring4", "block4", "block16": sparse_rtrl with that mask and k.
  std::string rule;
  std::string optimizer;
  std::int64_t units = 0;  // n
  Input input = Input::kVector;
  bool good_copy = true;  // weights and slots to return to after a divergence

  std::string Name() const;  // CELL/RULE/OPTIMIZER/n, with "no good copy" after the rule where so
};

// The rule that a case names.
engine::PartSpec RulePart(const std::string& rule);

// Ends the program with the reason where there is no such model.
std::shared_ptr<const engine::Model> MakeModel(const Case& c);

class PlayedStream {
 public:
  PlayedStream(std::shared_ptr<const engine::Model> model, const Case& c, std::int64_t steps,
               std::uint64_t seed);

  // Applies the message; false where it was refused.
  bool Play();
  // Whether every update so far was carried out.
  bool Sound() const;
  // Bytes that a step must read and write once: weights, optimizer slots, what the rule carries.
  std::int64_t TouchedBytes() const;
  const engine::Stream& stream() const { return *stream_; }

 private:
  std::vector<float> floats_, targets_;
  std::vector<std::uint8_t> bytes_;
  std::unique_ptr<engine::Stream> stream_;
  engine::Observe observe_;
  engine::Event event_;
  engine::Outcome outcome_;
};

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCH_PLAYED_STREAM_H_
