// What would be predicted without a model, from targets as they are known under the same release
// rule. Rows of all files in order; T their number.
//
// - last_label, last_value: the last target that has been told. -1, or 0, before the first.
// - mean: the mean of all targets told so far. 0 before the first.
// - order0: the next byte's probability from counts of the bytes seen so far, each counted half
//   before it is seen (Krichevsky and Trofimov 1981): p(b) = (n_b + 1/2) / (n + 128).
// Pure functions; O(T m).
#ifndef MILLRACE_CLIENT_CLI_BASELINES_H_
#define MILLRACE_CLIENT_CLI_BASELINES_H_

#include <cstddef>
#include <vector>

#include "client/cli/plan.h"
#include "client/cli/recording.h"

namespace millrace::client {

// [T].
std::vector<int> LastLabels(const Recording& recording, const std::vector<Plan>& plans);

struct RegressionBaselines {
  std::vector<double> mean, last_value;  // row-major [T, m]
};
RegressionBaselines Baselines(const Recording& recording, const std::vector<Plan>& plans);

// [T]: -ln p(byte of row t), having seen all bytes of the rows before.
std::vector<double> OrderZeroNats(const Recording& recording);

// [m]: 1e-4 of each target's variance over the whole recording: less is called hardly varying.
std::vector<double> VarianceFloor(const Recording& recording);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_BASELINES_H_
