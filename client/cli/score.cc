#include "client/cli/score.h"

#include <algorithm>
#include <cmath>

namespace millrace::client {
namespace {

std::optional<double> Ratio(double numerator, std::uint64_t denominator) {
  if (denominator == 0) return std::nullopt;
  return numerator / static_cast<double>(denominator);
}

int MostFrequent(const std::map<int, std::uint64_t>& counts) {
  int best = -1;
  std::uint64_t most = 0;
  for (const auto& [key, count] : counts) {
    if (count > most) {
      most = count;
      best = key;
    }
  }
  return best;
}

}  // namespace

double CrossEntropy(absl::Span<const float> logits, std::size_t k) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float z : logits) sum += std::exp(double{z} - largest);
  return std::log(sum) + largest - double{logits[k]};
}

int ArgMax(absl::Span<const float> logits) {
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

template <typename T>
void RegressionScore::AddStep(absl::Span<const float> y, absl::Span<const T> prediction) {
  if (targets_.size() < y.size()) targets_.resize(y.size());
  double loss = 0;
  int known = 0;
  for (std::size_t j = 0; j < y.size(); ++j) {
    if (std::isnan(y[j])) continue;
    Target& target = targets_[j];
    const double value = y[j];
    const double error = value - static_cast<double>(prediction[j]);
    const double deviation = value - target.mean;
    target.mean += deviation / static_cast<double>(++target.count);
    target.sst += deviation * (value - target.mean);
    target.sse += error * error;
    loss += error * error;
    ++known;
  }
  if (known == 0) return;
  loss_sum_ += loss / known;
  ++steps_;
}

void RegressionScore::Add(absl::Span<const float> y, absl::Span<const double> prediction) {
  AddStep(y, prediction);
}

void RegressionScore::Add(absl::Span<const float> y, absl::Span<const float> prediction) {
  AddStep(y, prediction);
}

void RegressionScore::CloseFile(absl::Span<const double> floor) {
  for (std::size_t j = 0; j < targets_.size(); ++j) {
    Target& target = targets_[j];
    if (target.count > 0 && target.sst / static_cast<double>(target.count) > floor[j]) {
      target.closed_sst += target.sst;
      target.closed_sse += target.sse;
    }
    target.sst = target.sse = target.mean = 0;
    target.count = 0;
  }
}

void RegressionScore::AddFile(const RegressionScore& file) {
  steps_ += file.steps_;
  loss_sum_ += file.loss_sum_;
  if (targets_.size() < file.targets_.size()) targets_.resize(file.targets_.size());
  for (std::size_t j = 0; j < file.targets_.size(); ++j) {
    targets_[j].closed_sst += file.targets_[j].closed_sst;
    targets_[j].closed_sse += file.targets_[j].closed_sse;
  }
}

std::optional<double> RegressionScore::loss() const { return Ratio(loss_sum_, steps_); }

std::vector<std::optional<double>> RegressionScore::r2() const {
  std::vector<std::optional<double>> r2;
  for (const Target& target : targets_) {
    r2.push_back(target.closed_sst > 0
                     ? std::optional<double>(1 - target.closed_sse / target.closed_sst)
                     : std::nullopt);
  }
  return r2;
}

void ClassScore::Add(int label, int predicted, int trial, std::optional<double> loss) {
  if (trial != trial_) CloseFile();
  trial_ = trial;
  const bool correct = label == predicted;
  ++steps_;
  correct_ += correct ? 1 : 0;
  Hits& hits = classes_[label];
  ++hits.steps;
  hits.correct += correct ? 1 : 0;
  if (loss) {
    loss_sum_ += *loss;
    ++loss_steps_;
  }
  if (trial < 0) return;
  ++votes_[predicted];
  ++labels_[label];
}

void ClassScore::CloseFile() {
  if (trial_ >= 0) {
    ++trials_;
    trials_correct_ += MostFrequent(votes_) == MostFrequent(labels_) ? 1 : 0;
  }
  trial_ = -1;
  votes_.clear();
  labels_.clear();
}

void ClassScore::AddFile(const ClassScore& file) {
  steps_ += file.steps_;
  correct_ += file.correct_;
  trials_ += file.trials_;
  trials_correct_ += file.trials_correct_;
  loss_steps_ += file.loss_steps_;
  loss_sum_ += file.loss_sum_;
  for (const auto& [label, hits] : file.classes_) {
    classes_[label].steps += hits.steps;
    classes_[label].correct += hits.correct;
  }
}

std::optional<double> ClassScore::loss() const { return Ratio(loss_sum_, loss_steps_); }

std::optional<double> ClassScore::accuracy() const {
  return Ratio(static_cast<double>(correct_), steps_);
}

std::optional<double> ClassScore::accuracy_trial() const {
  return Ratio(static_cast<double>(trials_correct_), trials_);
}

std::optional<double> ClassScore::accuracy_balanced() const {
  double sum = 0;
  for (const auto& [label, hits] : classes_) {
    sum += static_cast<double>(hits.correct) / static_cast<double>(hits.steps);
  }
  return Ratio(sum, classes_.size());
}

std::optional<double> ClassScore::kappa(const ClassScore& last_label) const {
  const auto mine = accuracy();
  const auto others = last_label.accuracy();
  if (!mine || !others || *others >= 1) return std::nullopt;
  return (*mine - *others) / (1 - *others);
}

std::optional<double> ByteScore::loss() const { return Ratio(nats_, steps_); }

std::optional<double> ByteScore::bits_per_byte() const {
  if (steps_ == 0) return std::nullopt;
  return *loss() / std::log(2.0);
}

}  // namespace millrace::client
