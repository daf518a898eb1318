#include "client/cli/plan.h"

#include <algorithm>
#include <utility>

namespace millrace::client {
namespace {

// Builds the actions of one file row by row.
class Planner {
 public:
  Planner(const RecordingFile& file, const PlanOptions& options) : file_(file), options_(options) {}

  Plan Build() {
    plan_.known_before.resize(file_.steps);
    for (std::size_t t = 0; t < file_.steps; ++t) Row(t);
    Flush(file_.steps);
    if (options_.delayed) {
      Release(file_.steps, file_.steps);
      plan_.actions.push_back({.kind = Action::Kind::kSettle,
                               .begin = file_.steps,
                               .end = file_.steps,
                               .reset_before = {},
                               .targets = {}});
    }
    return std::move(plan_);
  }

 private:
  bool with_step() const { return options_.target_delay == 0 && !options_.by_trial; }

  bool Changes(const std::vector<float>& column, std::size_t t) const {
    return t > 0 && !column.empty() && column[t] != column[t - 1];
  }

  void Row(std::size_t t) {
    const bool new_trial = Changes(file_.release, t);
    if (!file_.release.empty()) {
      plan_.trial.push_back(t == 0 ? 0 : plan_.trial.back() + (new_trial ? 1 : 0));
    }
    if (options_.by_trial && new_trial) {
      Flush(t);
      Release(t, t);
    }
    plan_.known_before[t] = with_step() ? t : released_;
    if (Changes(file_.reset, t) || (t == 0 && options_.boundary_reset)) resets_.push_back(t);
    if (t + 1 - pending_ >= options_.steps_per_message) Flush(t + 1);
    AfterRow(t);
  }

  // What can be told once row t is observed.
  void AfterRow(std::size_t t) {
    if (!options_.delayed) return;
    if (options_.target_delay > 0 && t >= options_.target_delay) {
      Flush(t + 1);
      Release(t - options_.target_delay + 1, t + 1);
      return;
    }
    // No target will come, and nothing before it is awaited.
    const bool nothing_awaited = with_step() || (options_.by_trial && released_ == t);
    if (nothing_awaited && !file_.HasTarget(t)) {
      Flush(t + 1);
      Release(t + 1, t + 1);
    }
  }

  // Observes the pending rows below `end`.
  void Flush(std::size_t end) {
    if (pending_ == end) return;
    Action action;
    action.begin = pending_;
    action.end = end;
    action.with_targets = with_step();
    action.reset_before = std::exchange(resets_, {});
    plan_.actions.push_back(std::move(action));
    pending_ = end;
  }

  // Tells the targets of rows [released_, end), `observed` rows having been observed.
  void Release(std::size_t end, std::size_t observed) {
    if (released_ == end) return;
    Action action;
    action.kind = Action::Kind::kRelease;
    action.begin = action.end = observed;
    action.none_before = end;
    for (std::size_t t = released_; t < end && !with_step(); ++t) {
      if (!file_.HasTarget(t)) continue;
      if (action.targets.empty() || action.targets.back().end != t) {
        action.targets.push_back({t, t});
      }
      action.targets.back().end = t + 1;
    }
    plan_.actions.push_back(std::move(action));
    released_ = end;
  }

  const RecordingFile& file_;
  const PlanOptions& options_;
  Plan plan_;
  std::size_t pending_ = 0;   // first row not yet in an action
  std::size_t released_ = 0;  // rows below it are told
  std::vector<std::size_t> resets_;
};

}  // namespace

Plan PlanFile(const RecordingFile& file, const PlanOptions& options) {
  return Planner(file, options).Build();
}

}  // namespace millrace::client
