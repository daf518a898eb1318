// The list of target policies: when a step's target is known.
#ifndef MILLRACE_ENGINE_TARGET_H_
#define MILLRACE_ENGINE_TARGET_H_

#include <cstdint>
#include <vector>

#include "engine/spec.h"

namespace millrace::engine {

// "with_observation", "next_input", "delayed".
std::vector<PartDescription> DescribeTargets();

enum class TargetPolicy { kWithObservation, kNextInput, kDelayed };

struct TargetSettings {
  explicit TargetSettings(const PartSpec& resolved);

  TargetPolicy policy;
  // Steps held at most between the learner and the predictor.
  std::int64_t window_steps = 1;
  // Closed steps the learner runs through, at most, at each observation.
  std::int64_t catch_up_steps = 1;
  // A full window closes its oldest step instead of refusing the observation.
  bool close_oldest = false;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_TARGET_H_
