// Scores of predictions as they were served, against targets known to the client.
//
// - Regression: loss is the mean over scored steps of the mean over known outputs of (y - yhat)^2;
//   r2 of a target is 1 - SSE / SST, SST about the mean of the file's own scored targets.
// - Classification: accuracy per step; per trial (a trial's decision is the class predicted in most
//   of its scored steps, the lower one in a tie, and its label the one most of them have); balanced
//   (mean of the classes' own accuracies); kappa = (a - b) / (1 - b) with b the accuracy of the
//   last known label on the same steps (Zliobaite et al. 2015).
// - Bytes: bits per byte, -log2 p(next byte).
// Scores of files add up to that of the whole. Thread-compatible; O(1) a step.
#ifndef MILLRACE_CLIENT_CLI_SCORE_H_
#define MILLRACE_CLIENT_CLI_SCORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "client/cli/json.h"

namespace millrace::client {

// -log softmax(logits)[k], in float64. logits [m].
double CrossEntropy(absl::Span<const float> logits, std::size_t k);
// The first of the largest.
int ArgMax(absl::Span<const float> logits);

class RegressionScore {
 public:
  // y, prediction [m]; NaN in y is not known.
  void Add(absl::Span<const float> y, absl::Span<const double> prediction);
  void Add(absl::Span<const float> y, absl::Span<const float> prediction);
  // A target whose variance in this file is at most floor[j] has no r2 here.
  void CloseFile(absl::Span<const double> floor);
  // Of closed files.
  void AddFile(const RegressionScore& file);

  std::uint64_t steps() const { return steps_; }
  std::optional<double> loss() const;
  // [m].
  std::vector<std::optional<double>> r2() const;

 private:
  struct Target {
    std::uint64_t count = 0;
    double mean = 0, sst = 0, sse = 0;      // of the open file, Welford 1962
    double closed_sst = 0, closed_sse = 0;  // of files where it varies
  };

  template <typename T>
  void AddStep(absl::Span<const float> y, absl::Span<const T> prediction);

  std::uint64_t steps_ = 0;
  double loss_sum_ = 0;
  std::vector<Target> targets_;
};

class ClassScore {
 public:
  // `predicted` -1: none, which is wrong. `trial`: number within the file, -1 for none.
  void Add(int label, int predicted, int trial, std::optional<double> loss = std::nullopt);
  // Ends the trial that is running.
  void CloseFile();
  void AddFile(const ClassScore& file);

  std::uint64_t steps() const { return steps_; }
  std::optional<double> loss() const;
  std::optional<double> accuracy() const;
  std::optional<double> accuracy_trial() const;
  std::optional<double> accuracy_balanced() const;
  // `last_label`: the same steps scored for the last known label.
  std::optional<double> kappa(const ClassScore& last_label) const;

 private:
  struct Hits {
    std::uint64_t steps = 0, correct = 0;
  };

  std::uint64_t steps_ = 0, correct_ = 0, trials_ = 0, trials_correct_ = 0;
  std::uint64_t loss_steps_ = 0;
  double loss_sum_ = 0;
  std::map<int, Hits> classes_;
  int trial_ = -1;
  std::map<int, std::uint64_t> votes_, labels_;  // of the running trial
};

class ByteScore {
 public:
  void Add(double nats) {
    nats_ += nats;
    ++steps_;
  }
  void AddFile(const ByteScore& file) {
    nats_ += file.nats_;
    steps_ += file.steps_;
  }

  std::uint64_t steps() const { return steps_; }
  std::optional<double> loss() const;  // nats
  std::optional<double> bits_per_byte() const;

 private:
  std::uint64_t steps_ = 0;
  double nats_ = 0;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_SCORE_H_
