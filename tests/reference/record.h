// What a stream is given step by step, and the step as its learner sees it. Values.
#ifndef MILLRACE_TESTS_REFERENCE_RECORD_H_
#define MILLRACE_TESTS_REFERENCE_RECORD_H_

#include <cstdint>
#include <optional>

#include "tests/reference/input.h"
#include "tests/reference/losses.h"

namespace millrace::reference {

enum class TargetMode { kWithObservation, kNextInput, kDelayed };

// One step as it is pushed. Without x and byte: a step without input.
struct Observation {
  std::optional<Vector> x;
  std::optional<std::uint8_t> byte;
  std::optional<Target> target;
  bool reset_before = false;
  bool score_only = false;
};

// One step as the learner sees it. Closed: absent or with a target.
struct Record {
  Taken taken;
  bool reset_before = false;
  bool score_only = false;
  bool closed = false;
  std::optional<Target> target;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_RECORD_H_
