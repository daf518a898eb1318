// What a replay sends, and what it reports.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/replay.h"

namespace millrace::client {
namespace {

std::int64_t Integer(const v1::Part& part, const std::string& name) {
  for (const v1::Setting& setting : part.settings()) {
    if (setting.name() != name) continue;
    return setting.has_number() ? static_cast<std::int64_t>(setting.number()) : setting.integer();
  }
  return 0;
}

// The smallest value that at least the fraction p of them does not exceed.
double Percentile(std::vector<double> values, double p) {
  const double rank = std::ceil(p * static_cast<double>(values.size()));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max(1.0, rank)) - 1;
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::string BaseName(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

absl::Status Misfit(const std::string& sentence) { return absl::InvalidArgumentError(sentence); }

}  // namespace

absl::Status Replay::Check(const v1::Model& model) {
  const v1::ModelSpec& spec = model.spec();
  const bool bytes = spec.input().name() == "bytes";
  if (bytes != recording_.bytes) {
    return Misfit(absl::StrCat("model '", model.name(), "' takes ", spec.input().name(),
                               " input; the recording is ",
                               recording_.bytes ? "bytes; use --inputs" : "vectors; use --bytes"));
  }
  const auto size = static_cast<std::size_t>(Integer(spec.input(), "size"));
  if (!bytes && size != recording_.width) {
    return Misfit(absl::StrCat("the recording has ", recording_.width, " inputs; model '",
                               model.name(), "' expects ", size, " (input.size)"));
  }
  if (next_input_ && recording_.has_targets()) {
    return Misfit(absl::StrCat("model '", model.name(),
                               "' predicts its next input and takes no targets; drop --targets"));
  }
  const bool late = options_.target_delay > 0 || options_.recording.release_column.has_value();
  if (late && !delayed_) {
    return Misfit(absl::StrCat("model '", model.name(), "' takes targets '", spec.target().name(),
                               "'; --target_delay and --release_column need 'delayed' (target, set "
                               "at the model)"));
  }
  if (delayed_ && !recording_.has_targets()) {
    return Misfit(absl::StrCat("model '", model.name(),
                               "' waits for the target of every step; give --targets"));
  }
  const auto outputs = static_cast<std::size_t>(Integer(spec.head(), "outputs"));
  if (recording_.outputs > 0 && spec.loss().name() == "cross_entropy") {
    return Misfit(absl::StrCat("model '", model.name(),
                               "' learns classes; say which column holds them (--class_column)"));
  }
  if (recording_.outputs > 0 && outputs != recording_.outputs) {
    return Misfit(absl::StrCat("the recording has ", recording_.outputs, " targets; model '",
                               model.name(), "' has ", outputs,
                               " outputs (head.outputs); choose columns with --target_columns"));
  }
  int largest = -1;
  for (const RecordingFile& file : recording_.files) {
    for (const int label : file.classes) largest = std::max(largest, label);
  }
  if (largest >= static_cast<int>(outputs) && recording_.classes) {
    return Misfit(absl::StrCat("the recording has class ", largest, "; model '", model.name(),
                               "' has ", outputs, " outputs (head.outputs), so classes end at ",
                               outputs - 1));
  }
  return absl::OkStatus();
}

absl::Status Replay::Prepare() {
  if (options_.target_delay > 0 && options_.recording.release_column) {
    return Misfit("--target_delay and --release_column exclude each other");
  }
  if (options_.steps_per_message == 0 || options_.in_flight == 0) {
    return Misfit("--steps_per_message and --in_flight are at least 1");
  }
  auto recording = LoadRecording(options_.recording);
  if (!recording.ok()) return recording.status();
  recording_ = *std::move(recording);
  const std::size_t files = recording_.files.size();
  if (options_.shadow_after_file &&
      (*options_.shadow_after_file < 1 || *options_.shadow_after_file > files)) {
    return Misfit(absl::StrCat("--shadow_after_file is ", *options_.shadow_after_file,
                               "; there are ", files, " files, the first is 1"));
  }
  const auto stream = client_.GetStream(options_.stream);
  if (!stream.ok()) return stream.status();
  const auto model = client_.GetModel(stream->model());
  if (!model.ok()) return model.status();
  model_ = model->name();
  delayed_ = model->spec().target().name() == "delayed";
  next_input_ = model->spec().target().name() == "next_input";
  if (absl::Status status = Check(*model); !status.ok()) return status;

  PlanOptions plan;
  plan.delayed = delayed_;
  plan.target_delay = options_.target_delay;
  plan.by_trial = options_.recording.release_column.has_value();
  plan.boundary_reset = options_.boundary_reset;
  plan.steps_per_message = options_.steps_per_message;
  std::size_t start = 0;
  for (const RecordingFile& file : recording_.files) {
    plans_.push_back(PlanFile(file, plan));
    starts_.push_back(start);
    start += file.steps;
  }
  file_steps_.assign(files, 0);
  scorer_ = std::make_unique<Scorer>(
      recording_, plans_, model->spec().loss().name() == "cross_entropy", !options_.boundary_reset);
  return absl::OkStatus();
}

void Replay::AddTargets(const RecordingFile& file, std::size_t begin, std::size_t end,
                        v1::TargetBlock* block) const {
  block->set_steps(static_cast<std::uint32_t>(end - begin));
  if (recording_.classes) {
    block->mutable_classes()->Add(file.classes.begin() + static_cast<std::ptrdiff_t>(begin),
                                  file.classes.begin() + static_cast<std::ptrdiff_t>(end));
    return;
  }
  const auto m = static_cast<std::ptrdiff_t>(recording_.outputs);
  const auto values = file.targets.values.begin();
  block->mutable_values()->Add(values + static_cast<std::ptrdiff_t>(begin) * m,
                               values + static_cast<std::ptrdiff_t>(end) * m);
}

Observation Replay::Rows(std::size_t file_number, std::size_t begin, std::size_t end,
                         const Action& action) const {
  const RecordingFile& file = recording_.files[file_number];
  Observation observation;
  observation.steps = static_cast<std::uint32_t>(end - begin);
  v1::Observe& body = observation.body;
  if (recording_.bytes) {
    body.set_raw_bytes(file.bytes.substr(begin, end - begin));
  } else {
    const auto values = file.inputs.values.begin();
    body.mutable_floats()->Add(values + static_cast<std::ptrdiff_t>(begin * recording_.width),
                               values + static_cast<std::ptrdiff_t>(end * recording_.width));
  }
  if (action.with_targets && recording_.has_targets()) {
    AddTargets(file, begin, end, body.mutable_targets());
  }
  for (const std::size_t row : action.reset_before) {
    // Before its first step a stream has nothing to reset.
    if (row < begin || SeqOf(starts_[file_number] + row) == 1) continue;
    body.add_reset_before(static_cast<std::uint32_t>(row - begin));
  }
  body.mutable_want()->set_shadow(true);
  return observation;
}

v1::LateTargets Replay::Targets(std::size_t file_number, const Action& action, bool trim) const {
  const RecordingFile& file = recording_.files[file_number];
  const std::size_t start = starts_[file_number];
  v1::LateTargets targets;
  const auto known = [&](std::size_t row) {
    const std::uint64_t seq = SeqOf(start + row);
    return trim && (seq <= learned_ || held_.count(seq) > 0);
  };
  for (const Action::Span& span : action.targets) {
    std::size_t begin = span.begin;
    while (begin < span.end) {
      std::size_t end = begin;
      while (end < span.end && !known(end)) ++end;
      if (end > begin) {
        v1::TargetBlock* block = targets.add_blocks();
        block->set_first_seq(SeqOf(start + begin));
        AddTargets(file, begin, end, block);
      }
      begin = end + 1;
    }
  }
  targets.set_no_target_through(SeqOf(start + action.none_before) - 1);
  return targets;
}

ProgressState Replay::State(std::size_t file) const {
  ProgressState state;
  state.file = BaseName(recording_.files[file].name);
  state.file_number = file + 1;
  state.files = recording_.files.size();
  state.steps = file_steps_[file] + (skip_ > starts_[file] ? skip_ - starts_[file] : 0);
  state.file_steps = recording_.files[file].steps;
  const double wall_s = absl::ToDoubleSeconds(absl::Now() - start_);
  state.steps_per_s = static_cast<double>(sent_rows_) / std::max(wall_s, 1e-9);
  state.summary = scorer_->Summary(file);
  return state;
}

Json Replay::Marks(std::uint64_t first_seq, std::uint64_t last_seq) const {
  Json marks = Json::Array();
  for (const auto& [key, mark] : marks_) {
    if (mark.seq() < first_seq || mark.seq() > last_seq) continue;
    Json entry = Json::Object();
    entry.Set("cause", mark.cause() == v1::ShiftMark::CAUSE_INPUT ? "input" : "loss")
        .Set("seq", mark.seq())
        .Set("detected_seq", mark.detected_seq());
    if (mark.has_units_to_recover()) entry.Set("units_to_recover", mark.units_to_recover());
    entry.Set("censored", mark.censored());
    marks.Add(std::move(entry));
  }
  return marks;
}

Json Replay::Report(double wall_s) const {
  const std::uint64_t first = SeqOf(skip_);
  const Numbers numbers = writer_->numbers();
  Json report = Json::Object();
  report.Set("stream", options_.stream)
      .Set("model", model_)
      .Set("steps", std::uint64_t{sent_rows_})
      .Set("first_seq", first)
      .Set("applied_seq", numbers.applied_seq)
      .Set("learned_seq", numbers.learned_seq)
      .Set("durable_seq", numbers.durable_seq)
      .Set("wall_s", wall_s)
      .Set("steps_per_s", static_cast<double>(sent_rows_) / std::max(wall_s, 1e-9));
  if (!latencies_us_.empty()) {
    Json latency = Json::Object();
    latency.Set("p50", Percentile(latencies_us_, .5)).Set("p99", Percentile(latencies_us_, .99));
    report.Set("latency_us", std::move(latency));
  }
  report.Set("lost_predictions", lost_predictions_)
      .Set("reconnects", session_->calls_opened() - 1)
      .Set("interrupted", stop_.load());
  report.Merge(scorer_->Whole());
  report.Set("recovery", recovery_)
      .Set("shifts", Marks(first, SeqOf(recording_.steps())))
      .Set("files", files_);
  return report;
}

}  // namespace millrace::client
