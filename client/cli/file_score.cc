#include "client/cli/file_score.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace millrace::client {

void FileScore::Close(absl::Span<const double> floor) {
  for (RegressionScore* score : {&live_values, &shadow_values, &mean, &last_value}) {
    score->CloseFile(floor);
  }
  for (ClassScore* score : {&live_classes, &shadow_classes, &last_label, &shadow_last_label}) {
    score->CloseFile();
  }
}

void FileScore::AddFile(const FileScore& file) {
  live_values.AddFile(file.live_values);
  shadow_values.AddFile(file.shadow_values);
  mean.AddFile(file.mean);
  last_value.AddFile(file.last_value);
  live_classes.AddFile(file.live_classes);
  shadow_classes.AddFile(file.shadow_classes);
  last_label.AddFile(file.last_label);
  shadow_last_label.AddFile(file.shadow_last_label);
  live_bytes.AddFile(file.live_bytes);
  shadow_bytes.AddFile(file.shadow_bytes);
  order0.AddFile(file.order0);
  gain_sum += file.gain_sum;
  gain_steps += file.gain_steps;
}

Scorer::Scorer(const Recording& recording, const std::vector<Plan>& plans, bool softmax,
               bool across_files)
    : recording_(recording),
      plans_(plans),
      softmax_(softmax),
      across_files_(across_files),
      files_(recording.files.size()) {
  std::size_t start = 0;
  for (const RecordingFile& file : recording.files) {
    starts_.push_back(start);
    start += file.steps;
  }
  starts_.push_back(start);
  if (recording.classes) last_labels_ = LastLabels(recording, plans);
  if (recording.outputs > 0) baselines_ = Baselines(recording, plans);
  if (recording.bytes) order0_ = OrderZeroNats(recording);
  floor_ = VarianceFloor(recording);
}

std::size_t Scorer::FileOf(std::size_t row) const {
  return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), row) -
                                  starts_.begin()) -
         1;
}

void Scorer::Add(std::size_t row, absl::Span<const float> outputs, absl::Span<const float> shadow) {
  if (recording_.bytes) {
    AddByte(row, outputs, shadow);
  } else if (recording_.classes) {
    AddClass(&files_[FileOf(row)], row, outputs, shadow);
  } else if (recording_.outputs > 0) {
    AddValues(&files_[FileOf(row)], row, outputs, shadow);
  }
}

void Scorer::AddValues(FileScore* score, std::size_t row, absl::Span<const float> outputs,
                       absl::Span<const float> shadow) {
  const std::size_t file = FileOf(row);
  const std::size_t m = recording_.outputs;
  if (!recording_.files[file].HasTarget(row - starts_[file])) return;
  const auto y = absl::MakeConstSpan(recording_.files[file].targets.values)
                     .subspan((row - starts_[file]) * m, m);
  score->live_values.Add(y, outputs);
  score->mean.Add(y, absl::MakeConstSpan(baselines_.mean).subspan(row * m, m));
  score->last_value.Add(y, absl::MakeConstSpan(baselines_.last_value).subspan(row * m, m));
  if (shadow.empty()) return;
  score->shadow_values.Add(y, shadow);
  RegressionScore live, frozen;
  live.Add(y, outputs);
  frozen.Add(y, shadow);
  score->gain_sum += *frozen.loss() - *live.loss();
  ++score->gain_steps;
}

std::optional<double> Scorer::ClassLoss(absl::Span<const float> outputs, int label) const {
  const auto k = static_cast<std::size_t>(label);
  if (k >= outputs.size()) return std::nullopt;
  if (softmax_) return CrossEntropy(outputs, k);
  double sum = 0;
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    const double error = (j == k ? 1.0 : 0.0) - double{outputs[j]};
    sum += error * error;
  }
  return sum / static_cast<double>(outputs.size());
}

void Scorer::AddClass(FileScore* score, std::size_t row, absl::Span<const float> outputs,
                      absl::Span<const float> shadow) {
  const std::size_t file = FileOf(row);
  const std::size_t t = row - starts_[file];
  const int label = recording_.files[file].classes[t];
  if (label < 0) return;
  const int trial = plans_[file].trial.empty() ? -1 : plans_[file].trial[t];
  const std::optional<double> loss = ClassLoss(outputs, label);
  score->live_classes.Add(label, ArgMax(outputs), trial, loss);
  score->last_label.Add(label, last_labels_[row], trial);
  if (shadow.empty()) return;
  const std::optional<double> shadow_loss = ClassLoss(shadow, label);
  score->shadow_classes.Add(label, ArgMax(shadow), trial, shadow_loss);
  score->shadow_last_label.Add(label, last_labels_[row], trial);
  if (!loss || !shadow_loss) return;
  score->gain_sum += *shadow_loss - *loss;
  ++score->gain_steps;
}

// The outputs of row t say what row t + 1 will be; they are scored in that row's file.
void Scorer::AddByte(std::size_t row, absl::Span<const float> outputs,
                     absl::Span<const float> shadow) {
  const std::size_t next = row + 1;
  if (next >= starts_.back()) return;
  const std::size_t file = FileOf(next);
  if (file != FileOf(row) && !across_files_) return;
  const auto byte = static_cast<unsigned char>(recording_.files[file].bytes[next - starts_[file]]);
  if (outputs.size() != 256) return;
  FileScore& score = files_[file];
  const double nats = CrossEntropy(outputs, byte);
  score.live_bytes.Add(nats);
  score.order0.Add(order0_[next]);
  if (shadow.size() != 256) return;
  const double shadow_nats = CrossEntropy(shadow, byte);
  score.shadow_bytes.Add(shadow_nats);
  score.gain_sum += shadow_nats - nats;
  ++score.gain_steps;
}

void Scorer::CloseFile(std::size_t file) {
  files_[file].Close(floor_);
  whole_.AddFile(files_[file]);
}

Json Scorer::ValueMembers(const RegressionScore& score) const {
  Json members = Json::Object();
  Json r2 = Json::Array();
  for (const std::optional<double>& value : score.r2()) r2.Add(value ? Json(*value) : Json());
  members.Set("scored_steps", score.steps()).Set("loss", score.loss()).Set("r2", std::move(r2));
  return members;
}

Json Scorer::ClassMembers(const ClassScore& score, const ClassScore& last_label) const {
  Json members = Json::Object();
  members.Set("scored_steps", score.steps())
      .Set("loss", score.loss())
      .Set("accuracy", score.accuracy())
      .Set("accuracy_trial", score.accuracy_trial())
      .Set("accuracy_balanced", score.accuracy_balanced())
      .Set("kappa", score.kappa(last_label));
  return members;
}

namespace {

Json ByteMembers(const ByteScore& score) {
  Json members = Json::Object();
  members.Set("scored_steps", score.steps())
      .Set("loss", score.loss())
      .Set("bits_per_byte", score.bits_per_byte());
  return members;
}

}  // namespace

Json Scorer::Members(const FileScore& score) const {
  Json members = Json::Object();
  Json shadow;
  Json baselines = Json::Object();
  if (recording_.bytes) {
    members = ByteMembers(score.live_bytes);
    if (score.shadow_bytes.steps() > 0) shadow = ByteMembers(score.shadow_bytes);
    baselines.Set("order0", ByteMembers(score.order0));
  } else if (recording_.classes) {
    members = ClassMembers(score.live_classes, score.last_label);
    if (score.shadow_classes.steps() > 0) {
      shadow = ClassMembers(score.shadow_classes, score.shadow_last_label);
    }
    baselines.Set("last_label", ClassMembers(score.last_label, score.last_label));
  } else if (recording_.outputs > 0) {
    members = ValueMembers(score.live_values);
    if (score.shadow_values.steps() > 0) shadow = ValueMembers(score.shadow_values);
    baselines.Set("mean", ValueMembers(score.mean));
    baselines.Set("last_value", ValueMembers(score.last_value));
  }
  if (!shadow.empty()) members.Set("shadow", std::move(shadow));
  if (!baselines.empty()) members.Set("baselines", std::move(baselines));
  if (score.gain_steps > 0) {
    members.Set("gain", score.gain_sum / static_cast<double>(score.gain_steps));
  }
  return members;
}

std::string Scorer::Summary(std::size_t file) const {
  const FileScore& score = files_[file];
  const auto pair = [](const char* name, std::optional<double> live, std::optional<double> shadow) {
    if (!live) return std::string();
    std::string text = absl::StrFormat("%s %.3f", name, *live);
    if (shadow) absl::StrAppendFormat(&text, " (shadow %.3f)", *shadow);
    return text;
  };
  if (recording_.bytes) {
    return pair("bits/byte", score.live_bytes.bits_per_byte(), score.shadow_bytes.bits_per_byte());
  }
  if (recording_.classes) {
    return pair("accuracy", score.live_classes.accuracy(), score.shadow_classes.accuracy());
  }
  return pair("loss", score.live_values.loss(), score.shadow_values.loss());
}

}  // namespace millrace::client
