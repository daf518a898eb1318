#include "engine/event.h"

#include <algorithm>

namespace millrace::engine {

void Outcome::Clear() {
  first_seq = 0;
  skipped = steps = taken = 0;
  for (std::vector<float>* const rows : {&outputs, &probabilities, &shadow_outputs, &residual_sd,
                                         &novelty, &disagreement, &loss, &shadow_loss}) {
    rows->clear();
  }
  served_shadow = false;
  release_loss.reset();
  release_shadow_loss.reset();
}

void Outcome::DropAbsentLosses() {
  for (std::vector<float>* const losses : {&loss, &shadow_loss}) {
    const auto absent = [](float value) { return value != value; };
    if (std::all_of(losses->begin(), losses->end(), absent)) losses->clear();
  }
}

}  // namespace millrace::engine
