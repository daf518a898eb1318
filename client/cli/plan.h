// In what order a recording is played: which steps are observed, and when which targets are told.
//
// Release rules: with the step; `delay` steps later; or a trial's targets when the release column
// changes, and at the end of the file. Where a model's targets are delayed, a step that will get
// none is declared absent as soon as that is known: at the step itself if nothing before it is
// still awaited, else with the release it belongs to. Plans do not depend on how many steps travel
// in a message, except that no action observes more than that.
//
// Pure functions; cost O(steps).
#ifndef MILLRACE_CLIENT_CLI_PLAN_H_
#define MILLRACE_CLIENT_CLI_PLAN_H_

#include <cstddef>
#include <vector>

#include "client/cli/recording.h"

namespace millrace::client {

struct PlanOptions {
  bool delayed = false;  // the model's targets come later: "delayed"
  std::size_t target_delay = 0;
  bool by_trial = false;       // the release column rules
  bool boundary_reset = true;  // reset at the start of each file but the stream's first step
  std::size_t steps_per_message = 64;
};

// Rows are those of the file.
struct Action {
  enum class Kind { kObserve, kRelease, kSettle };
  struct Span {
    std::size_t begin = 0, end = 0;
  };

  Kind kind = Kind::kObserve;
  // kObserve: the rows. kRelease and kSettle: empty, at the number of rows observed before.
  std::size_t begin = 0, end = 0;
  bool with_targets = false;              // kObserve: they travel with the steps
  std::vector<std::size_t> reset_before;  // kObserve: rows
  std::vector<Span> targets;              // kRelease: rows that get their target
  std::size_t none_before = 0;            // kRelease: rows below it without a target get none
};

struct Plan {
  std::vector<Action> actions;
  // [T]: rows of this file whose targets (or absence) are known when row t is predicted. Those of
  // earlier files are all known.
  std::vector<std::size_t> known_before;
  // [T]: number of the run of equal values in the release column; empty without one.
  std::vector<int> trial;
};

Plan PlanFile(const RecordingFile& file, const PlanOptions& options);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_PLAN_H_
