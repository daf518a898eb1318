#include "engine/target.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeTargets() {
  return {
      {"target",
       "with_observation",
       "A target comes in the message of its observation, or never.",
       {}},
      {"target",
       "next_input",
       "The target of a step is the next step's input, as the cell sees it: next-step prediction "
       "and byte models. None across a reset or a step without input.",
       {}},
      {"target",
       "delayed",
       "A target comes any time within a window; the learner trails the predictor exactly.",
       {{.name = "window",
         .type = SettingType::kInteger,
         .unit = "steps",
         .minimum = 1,
         .maximum = 1 << 20,
         .default_value = std::int64_t{4096},
         .sentence = "Steps held while their targets are awaited; counts in the stream's memory."},
        {.name = "catch_up_steps",
         .type = SettingType::kInteger,
         .unit = "steps",
         .minimum = 1,
         .maximum = 1 << 20,
         .default_value = std::int64_t{8},
         .sentence = "Closed steps the learner runs through, at most, at each observation."},
        {.name = "when_full",
         .type = SettingType::kText,
         .choices = {"refuse", "close_oldest"},
         .default_value = std::string("refuse"),
         .sentence = "A full window refuses the observation, or closes its oldest step without a "
                     "target."}}}};
}

TargetSettings::TargetSettings(const PartSpec& resolved)
    : policy(resolved.name == "delayed"      ? TargetPolicy::kDelayed
             : resolved.name == "next_input" ? TargetPolicy::kNextInput
                                             : TargetPolicy::kWithObservation) {
  if (policy != TargetPolicy::kDelayed) return;
  window_steps = resolved.Integer("window");
  catch_up_steps = resolved.Integer("catch_up_steps");
  close_oldest = resolved.Text("when_full") == "close_oldest";
}

}  // namespace millrace::engine
