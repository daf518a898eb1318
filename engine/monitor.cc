#include "engine/monitor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/diagnostics/settings.h"
#include "kernels/math/sqrt.h"

namespace millrace::engine {
namespace {

constexpr std::int64_t kNoveltyBlockSteps = 50;

PageHinkley::Settings DetectorSettings(const PartSpec& part) {
  return {.delta = part.Number("shift_delta"),
          .threshold = part.Number("shift_threshold"),
          .warmup = part.Integer("shift_warmup"),
          .decay = DecayOf(static_cast<double>(part.Integer("half_life")))};
}

SettingDescription CountSetting(std::string name, std::string unit, double minimum, double maximum,
                                std::int64_t default_value) {
  return {.name = std::move(name),
          .type = SettingType::kInteger,
          .unit = std::move(unit),
          .minimum = minimum,
          .maximum = maximum,
          .default_value = default_value};
}

SettingDescription ChoiceSetting(std::string name, std::vector<std::string> choices) {
  SettingValue first = choices[0];
  return {.name = std::move(name),
          .type = SettingType::kText,
          .choices = std::move(choices),
          .default_value = std::move(first)};
}

SettingDescription Saying(SettingDescription setting, std::string sentence) {
  setting.sentence = std::move(sentence);
  return setting;
}

SettingDescription Changeable(SettingDescription setting) {
  setting.changeable = true;
  return setting;
}

std::vector<SettingDescription> AverageAndShadowSettings() {
  return {
      Saying(CountSetting("half_life", "units", 1, 1e9, 100),
             "Half-life of the averages; a unit is a release of targets, else a step."),
      Saying(CountSetting("shadow_after", "steps", 0, 1e15, 0),
             "Take the shadow after so many scored steps; 0: on request only."),
      Saying(ChoiceSetting("shadow_normaliser", {"running", "frozen"}),
             "Whether the shadow's input is normalised as the stream's, or as it was."),
      Changeable(Saying(ChoiceSetting("serve", {"live", "shadow", "guarded"}),
                        "Which prediction is sent; guarded: the live one until it is worse.")),
      {.name = "guard_margin",
       .minimum = 0,
       .maximum = 1e6,
       .default_value = 0.25,
       .sentence = "Guarded: how far a block's live loss may be above the shadow's, relatively.",
       .changeable = true},
      Changeable(Saying(CountSetting("guard_units", "units", 1, 1e9, 50),
                        "Guarded: units of a block, which is judged at its end.")),
      {.name = "score_inferred",
       .type = SettingType::kFlag,
       .default_value = false,
       .sentence = "Score inferred targets too, not only measured ones."}};
}

std::vector<SettingDescription> ShiftSettings() {
  return {{.name = "shift_delta",
           .minimum = 0,
           .maximum = 100,
           .default_value = 0.2,
           .sentence = "Rise of the loss that is no shift, in its standard deviations."},
          {.name = "shift_threshold",
           .minimum = 0.1,
           .maximum = 1e6,
           .default_value = 20.0,
           .sentence = "Summed excess that is a shift, in standard deviations of the loss."},
          Saying(CountSetting("shift_warmup", "units", 2, 1e6, 50),
                 "Units that only build the detector's mean, at the start and after a mark."),
          Saying(CountSetting("reference_units", "units", 1, 512, 50),
                 "Units before a mark whose mean loss is the reference."),
          {.name = "reference_loss",
           .minimum = -1,
           .default_value = -1.0,
           .sentence = "The client's own reference; below 0: measured.",
           .changeable = true}};
}

}  // namespace

std::vector<PartDescription> DescribeMonitors() {
  std::vector<SettingDescription> settings = AverageAndShadowSettings();
  for (SettingDescription& setting : ShiftSettings()) settings.push_back(std::move(setting));
  for (SettingDescription& setting : DiagnosticsSettings()) settings.push_back(std::move(setting));
  return {{.kind = "monitor",
           .name = "standard",
           .sentence = "Averages, shadow, gain and recovery, shift marks, and what is served.",
           .settings = std::move(settings)}};
}

Monitor::Monitor(const PartSpec& resolved_monitor, std::int64_t outputs, bool classification)
    : decay_(DecayOf(static_cast<double>(resolved_monitor.Integer("half_life")))),
      shadow_after_(resolved_monitor.Integer("shadow_after")),
      freeze_normaliser_(resolved_monitor.Text("shadow_normaliser") == "frozen"),
      serve_(ServeOf(resolved_monitor)),
      guard_margin_(resolved_monitor.Number("guard_margin")),
      guard_units_(resolved_monitor.Integer("guard_units")),
      given_reference_(resolved_monitor.Number("reference_loss")),
      classification_(classification),
      loss_detector_(DetectorSettings(resolved_monitor)),
      input_detector_(DetectorSettings(resolved_monitor)),
      marks_(resolved_monitor.Integer("reference_units"), resolved_monitor.Integer("half_life")) {
  const auto m = static_cast<std::size_t>(classification ? 0 : outputs);
  unit_squares_.assign(m, 0);
  unit_counts_.assign(m, 0);
  square_sum_.assign(m, 0);
  square_count_.assign(m, 0);
  residual_sd_.assign(m, std::numeric_limits<double>::quiet_NaN());
}

Monitor::Serve Monitor::ServeOf(const PartSpec& resolved_monitor) {
  const std::string& serve = resolved_monitor.Text("serve");
  return serve == "guarded" ? Serve::kGuarded : serve == "shadow" ? Serve::kShadow : Serve::kLive;
}

void Monitor::Change(const PartSpec& resolved_monitor) {
  given_reference_ = resolved_monitor.Number("reference_loss");
  const Serve serve = ServeOf(resolved_monitor);
  const double margin = resolved_monitor.Number("guard_margin");
  const std::int64_t units = resolved_monitor.Integer("guard_units");
  if (serve == serve_ && margin == guard_margin_ && units == guard_units_) return;
  serve_ = serve;
  guard_margin_ = margin;
  guard_units_ = units;
  if (serve_ != Serve::kGuarded) guard_tripped_ = false;
  BeginGuardBlock();
  ServeByPolicy();
}

void Monitor::BeginUnit() {
  unit_ = Unit();
  std::fill(unit_squares_.begin(), unit_squares_.end(), 0.0);
  std::fill(unit_counts_.begin(), unit_counts_.end(), 0);
}

void Monitor::Score(const ScoredStep& step) {
  if (!std::isfinite(step.live_loss)) return;
  if (step.shadow_loss.has_value() && !std::isfinite(*step.shadow_loss)) return;
  ++unit_.steps;
  unit_.live += step.live_loss;
  unit_.served += step.served_shadow && step.shadow_loss ? *step.shadow_loss : step.live_loss;
  if (step.shadow_loss.has_value()) {
    ++unit_.shadow_steps;
    unit_.shadow += *step.shadow_loss;
    unit_.live_with_shadow += step.live_loss;
  }
  if (step.live_correct.has_value()) {
    ++unit_.judged;
    unit_.correct += *step.live_correct ? 1 : 0;
  }
  if (step.shadow_correct.has_value()) {
    ++unit_.shadow_judged;
    unit_.shadow_correct += *step.shadow_correct ? 1 : 0;
  }
  if (step.brier.has_value() && std::isfinite(*step.brier)) {
    ++unit_.graded;
    unit_.brier += *step.brier;
  }
  ScoreResidual(step.residual);
}

void Monitor::ScoreResidual(absl::Span<const double> residual) {
  for (std::size_t k = 0; k < std::min(residual.size(), residual_sd_.size()); ++k) {
    if (!std::isfinite(residual[k])) continue;
    unit_squares_[k] += residual[k] * residual[k];
    ++unit_counts_[k];
    if (std::isnan(residual_sd_[k])) continue;
    // The deviation that was known before this unit.
    ++unit_.bounded;
    unit_.covered += std::fabs(residual[k]) <= residual_sd_[k] ? 1 : 0;
  }
}

void Monitor::EndUnit(std::uint64_t seq) {
  if (unit_.steps == 0) return;
  const auto steps = static_cast<double>(unit_.steps);
  const double served = unit_.served / steps;
  scored_steps_ += unit_.steps;
  ++scored_units_;
  mean_loss_ += (served - mean_loss_) / static_cast<double>(scored_units_);
  live_.Add(unit_.live / steps, decay_);
  accuracy_.Add(unit_.correct, static_cast<double>(unit_.judged), decay_);
  brier_.Add(unit_.brier, static_cast<double>(unit_.graded), decay_);
  coverage_.Add(unit_.covered, static_cast<double>(unit_.bounded), decay_);
  EndResiduals();
  if (unit_.shadow_steps > 0) EndShadowUnit();
  Detect(served, seq);
  unit_ = Unit();
}

void Monitor::EndResiduals() {
  for (std::size_t k = 0; k < residual_sd_.size(); ++k) {
    square_sum_[k] = decay_ * square_sum_[k] + unit_squares_[k];
    square_count_[k] = decay_ * square_count_[k] + static_cast<double>(unit_counts_[k]);
    if (square_count_[k] > 0) {
      residual_sd_[k] = kernels::Sqrt(square_sum_[k] / square_count_[k]);
    }
  }
}

void Monitor::EndShadowUnit() {
  const auto steps = static_cast<double>(unit_.shadow_steps);
  const double shadow = unit_.shadow / steps;
  const double live = unit_.live_with_shadow / steps;
  shadow_.Add(shadow, decay_);
  gain_.Add(shadow - live, decay_);
  shadow_accuracy_.Add(unit_.shadow_correct, static_cast<double>(unit_.shadow_judged), decay_);
  Guard(live, shadow);
}

void Monitor::Guard(double live, double shadow) {
  if (serve_ != Serve::kGuarded) return;
  guard_live_.Add(live, /*decay=*/1);
  guard_shadow_.Add(shadow, /*decay=*/1);
  if (++guard_count_ < guard_units_) return;
  const double allowed = guard_margin_ * std::fabs(guard_shadow_.mean());
  if (guard_live_.mean() - guard_shadow_.mean() > allowed) guard_tripped_ = true;
  BeginGuardBlock();
  ServeByPolicy();
}

void Monitor::BeginGuardBlock() {
  guard_live_.Clear();
  guard_shadow_.Clear();
  guard_count_ = 0;
}

void Monitor::Detect(double served, std::uint64_t seq) {
  marks_.AddUnit(served);
  const std::optional<PageHinkley::Alarm> alarm = loss_detector_.Add(served, seq);
  if (alarm.has_value()) marks_.RaiseLoss(*alarm, seq, GivenReference());
  marks_.Track(live_.mean());
}

void Monitor::Step(std::uint64_t seq, double novelty, std::optional<double> disagreement) {
  if (disagreement.has_value() && std::isfinite(*disagreement)) {
    disagreement_.Add(*disagreement, decay_);
  }
  if (!(novelty > 0)) return;
  novelty_.Add(novelty, decay_);
  block_novelty_ += novelty;
  if (++block_steps_ < kNoveltyBlockSteps) return;
  const double mean = block_novelty_ / static_cast<double>(kNoveltyBlockSteps);
  block_novelty_ = 0;
  block_steps_ = 0;
  const std::optional<PageHinkley::Alarm> alarm = input_detector_.Add(mean, seq);
  if (alarm.has_value()) marks_.RaiseInput(*alarm, seq);
}

void Monitor::TookShadow(std::uint64_t seq) {
  has_shadow_ = true;
  shadow_seq_ = seq;
  shadow_.Clear();
  gain_.Clear();
  shadow_accuracy_.Clear();
  disagreement_.Clear();
  BeginGuardBlock();
  ServeByPolicy();
}

bool Monitor::ShadowDue() const {
  return shadow_after_ > 0 && !has_shadow_ && scored_steps_ >= shadow_after_;
}

void Monitor::Unguard() {
  guard_tripped_ = false;
  BeginGuardBlock();
  ServeByPolicy();
}

void Monitor::ServeByPolicy() {
  serving_shadow_ = has_shadow_ && (serve_ == Serve::kShadow || guard_tripped_);
}

std::optional<double> Monitor::GivenReference() const {
  if (given_reference_ < 0) return std::nullopt;
  return given_reference_;
}

std::optional<double> Monitor::Recovery() const {
  const std::optional<double> given = GivenReference();
  const std::optional<double> reference = given.has_value() ? given : marks_.reference();
  if (!reference.has_value() || !shadow_.Mean().has_value()) return std::nullopt;
  const double denominator = shadow_.mean() - *reference;
  const double reference_variance = given.has_value() ? 0 : marks_.reference_variance();
  const double error = kernels::Sqrt(shadow_.mean_variance() + reference_variance);
  if (!(denominator > 2 * error)) return std::nullopt;
  return gain_.mean() / denominator;
}

void Monitor::Fill(StreamStats* stats) const {
  stats->scored_units = static_cast<std::uint64_t>(scored_units_);
  stats->scored_steps = static_cast<std::uint64_t>(scored_steps_);
  stats->serving_shadow = serving_shadow_;
  stats->guarded = serve_ == Serve::kGuarded;
  stats->guard_tripped = guard_tripped_;
  stats->live_loss = live_.Mean();
  stats->shadow_loss = shadow_.Mean();
  stats->gain = gain_.Mean();
  stats->recovery = Recovery();
  const std::optional<double> given = GivenReference();
  stats->reference_loss = given.has_value() ? given : marks_.reference();
  stats->mean_loss.reset();
  if (scored_units_ > 0) stats->mean_loss = mean_loss_;
  stats->shadow_seq.reset();
  if (has_shadow_) stats->shadow_seq = shadow_seq_;
  stats->shadow_normaliser_frozen = freeze_normaliser_;
  stats->open_loop_estimate = closed_loop_;
  stats->accuracy = accuracy_.Value();
  stats->shadow_accuracy = shadow_accuracy_.Value();
  stats->brier_score = brier_.Value();
  stats->residual_sd = residual_sd_;
  stats->coverage = coverage_.Value();
  stats->novelty = novelty_.Mean();
  stats->disagreement = disagreement_.Mean();
  stats->marks = marks_.latest();
  stats->shifts = marks_.raised();
}

void Monitor::Visit(StateVisitor& visitor) {
  visitor.SetScope("monitor.");
  visitor.SetRole(StateRole::kStream);
  visitor.Value("scored_steps", scored_steps_);
  visitor.Value("scored_units", scored_units_);
  visitor.Value("mean_loss", mean_loss_);
  live_.Visit(visitor, "live");
  shadow_.Visit(visitor, "shadow");
  gain_.Visit(visitor, "gain");
  guard_live_.Visit(visitor, "guard_live");
  guard_shadow_.Visit(visitor, "guard_shadow");
  visitor.Value("guard_count", guard_count_);
  accuracy_.Visit(visitor, "accuracy");
  shadow_accuracy_.Visit(visitor, "shadow_accuracy");
  brier_.Visit(visitor, "brier");
  coverage_.Visit(visitor, "coverage");
  visitor.Fixed("square_sum", square_sum_);
  visitor.Fixed("square_count", square_count_);
  visitor.Fixed("residual_sd", residual_sd_);
  novelty_.Visit(visitor, "novelty");
  disagreement_.Visit(visitor, "disagreement");
  visitor.Value("block_novelty", block_novelty_);
  visitor.Value("block_steps", block_steps_);
  loss_detector_.Visit(visitor, "loss_detector");
  input_detector_.Visit(visitor, "input_detector");
  marks_.Visit(visitor);
  visitor.Value("shadow_seq", shadow_seq_);
  visitor.Value("has_shadow", has_shadow_);
  visitor.Value("closed_loop", closed_loop_);
  visitor.Value("guard_tripped", guard_tripped_);
  visitor.Value("serving_shadow", serving_shadow_);
}

}  // namespace millrace::engine
