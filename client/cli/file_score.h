// Everything that is scored of one file of a replay, or of all: the served predictions, the
// shadow's, and the baselines, each on the same steps (those whose prediction arrived; the shadow
// on those where there was one).
//
//   Scorer scorer(recording, plans, true);
//   scorer.Add(row, outputs, shadow_outputs);      // rows of all files, in order
//   Json whole = scorer.Whole();
//
// Thread-compatible.
#ifndef MILLRACE_CLIENT_CLI_FILE_SCORE_H_
#define MILLRACE_CLIENT_CLI_FILE_SCORE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "client/cli/baselines.h"
#include "client/cli/json.h"
#include "client/cli/score.h"

namespace millrace::client {

struct FileScore {
  RegressionScore live_values, shadow_values, mean, last_value;
  ClassScore live_classes, shadow_classes, last_label, shadow_last_label;
  ByteScore live_bytes, shadow_bytes, order0;
  // Over the steps that have both.
  double gain_sum = 0;
  std::uint64_t gain_steps = 0;

  void Close(absl::Span<const double> floor);
  void AddFile(const FileScore& file);
};

class Scorer {
 public:
  // `softmax`: outputs are logits (the loss is cross-entropy); otherwise a class's loss is the mean
  // squared error to its one-hot vector. `across_files`: a file's last byte predicts the next
  // file's first.
  Scorer(const Recording& recording, const std::vector<Plan>& plans, bool softmax,
         bool across_files);

  // Outputs of one row [m], and the shadow's [m] or empty. Rows without a target count nothing.
  void Add(std::size_t row, absl::Span<const float> outputs, absl::Span<const float> shadow);
  // No more rows of this file will come. Once a file, in order.
  void CloseFile(std::size_t file);

  // The members scored_steps, loss, r2 or accuracy... or bits_per_byte, shadow, baselines, gain.
  Json File(std::size_t file) const { return Members(files_[file]); }
  Json Whole() const { return Members(whole_); }
  // Running figures of a file for a progress line, e.g. "accuracy .912 (shadow .703)".
  std::string Summary(std::size_t file) const;

 private:
  void AddValues(FileScore* score, std::size_t row, absl::Span<const float> outputs,
                 absl::Span<const float> shadow);
  void AddClass(FileScore* score, std::size_t row, absl::Span<const float> outputs,
                absl::Span<const float> shadow);
  void AddByte(std::size_t row, absl::Span<const float> outputs, absl::Span<const float> shadow);
  std::optional<double> ClassLoss(absl::Span<const float> outputs, int label) const;
  Json Members(const FileScore& score) const;
  Json ClassMembers(const ClassScore& score, const ClassScore& last_label) const;
  Json ValueMembers(const RegressionScore& score) const;
  std::size_t FileOf(std::size_t row) const;

  const Recording& recording_;
  const std::vector<Plan>& plans_;
  const bool softmax_;
  const bool across_files_;
  std::vector<std::size_t> starts_;  // first row of each file, and their number
  std::vector<int> last_labels_;
  RegressionBaselines baselines_;
  std::vector<double> order0_;
  std::vector<double> floor_;
  std::vector<FileScore> files_;
  FileScore whole_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_FILE_SCORE_H_
