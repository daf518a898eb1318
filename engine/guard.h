// The list of guards: clips, caps, and what to do when numbers diverge.
//
// A non-finite loss, gradient or state is an expected event of one stream. The update is skipped
// and what is not finite is zeroed; under `restore` weights and slots also come back from the last
// good copy. A second divergence within `freeze_within` steps freezes the stream.
#ifndef MILLRACE_ENGINE_GUARD_H_
#define MILLRACE_ENGINE_GUARD_H_

#include <cstdint>
#include <vector>

#include "engine/spec.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeGuards();

struct GuardSettings {
  explicit GuardSettings(const PartSpec& resolved);

  double clip_norm;             // 0: off
  bool clip_per_group;          // else one norm over all groups
  double max_sensitivity_norm;  // 0: off
  double max_step_change;       // relative, per group; 0: off
  double max_release_change;    // relative, per group, summed over a release; 0: off
  bool restore;                 // on divergence
  std::int64_t good_every;      // steps between good copies; 0: none
  std::int64_t freeze_within;   // steps
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_GUARD_H_
