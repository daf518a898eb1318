#include "engine/input.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/check.h"
#include "engine/errors.h"
#include "kernels/math/log.h"
#include "kernels/math/normalise.h"
#include "kernels/math/real.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr std::int64_t kByteValues = 256;
constexpr double kClip = 5;
constexpr std::int64_t kSettled = 100;  // values before a deviation is clipped

PartDescription DescribeVector() {
  return {
      .kind = "input",
      .name = "vector",
      .sentence = "d numbers a step.",
      .settings = {
          {.name = "size",
           .type = SettingType::kInteger,
           .unit = "values",
           .minimum = 1,
           .maximum = 65536,
           .sentence = "Values of one step, d."},
          {.name = "transform",
           .type = SettingType::kText,
           .choices = {"none", "square_root", "log1p"},
           .default_value = "none",
           .sentence = "Applied to each value first; counts want the square root."},
          {.name = "normalise",
           .type = SettingType::kFlag,
           .default_value = false,
           .sentence =
               "Subtract the running mean and divide by the running deviation of the past."},
          {.name = "window",
           .type = SettingType::kInteger,
           .unit = "steps",
           .minimum = 2,
           .maximum = 1e9,
           .default_value = std::int64_t{1000},
           .sentence = "Length of the running mean and variance."},
          {.name = "floor",
           .minimum = 1e-12,
           .maximum = 1e12,
           .default_value = 1e-2,
           .sentence = "Added to the running variance: what of it carries no signal."},
          {.name = "missing",
           .type = SettingType::kText,
           .choices = {"refused", "allowed"},
           .default_value = "refused",
           .sentence = "Whether NaN is a missing value, which enters as the running mean."},
          {.name = "silent_after",
           .type = SettingType::kInteger,
           .unit = "steps",
           .minimum = 0,
           .maximum = 1e9,
           .default_value = std::int64_t{0},
           .sentence = "A channel without change for so many steps counts as missing; 0: never."},
          {.name = "skip",
           .type = SettingType::kText,
           .choices = {"zero", "hold", "decay"},
           .default_value = "zero",
           .sentence = "A step without input enters as 0, as the last input, or as that fading."},
          {.name = "skip_decay",
           .minimum = 0,
           .maximum = 1,
           .default_value = 0.9,
           .sentence = "Factor a step of a fading input."}}};
}

PartDescription DescribeBytes() {
  return {.kind = "input",
          .name = "bytes",
          .sentence = "One byte a step, as 256 one-hot inputs.",
          .settings = {{.name = "skip",
                        .type = SettingType::kText,
                        .choices = {"zero"},
                        .default_value = "zero",
                        .sentence = "A step without input enters as 0."}}};
}

}  // namespace

std::vector<PartDescription> DescribeInputs() { return {DescribeVector(), DescribeBytes()}; }

InputStage::InputStage(const PartSpec& resolved_input)
    : bytes_(resolved_input.name == "bytes"),
      width_(bytes_ ? kByteValues : resolved_input.Integer("size")) {
  if (bytes_) return;
  const std::string& transform = resolved_input.Text("transform");
  if (transform == "square_root") transform_ = Transform::kSquareRoot;
  if (transform == "log1p") transform_ = Transform::kLog1p;
  const std::string& skip = resolved_input.Text("skip");
  if (skip == "hold") skip_ = Skip::kHold;
  if (skip == "decay") skip_ = Skip::kDecay;
  normalise_ = resolved_input.Flag("normalise");
  missing_allowed_ = resolved_input.Text("missing") == "allowed";
  skip_decay_ = resolved_input.Number("skip_decay");
  least_rate_ = 1.0 / static_cast<double>(resolved_input.Integer("window"));
  floor_ = resolved_input.Number("floor");
  silent_after_ = resolved_input.Integer("silent_after");

  const auto width = static_cast<std::size_t>(width_);
  mean_.assign(width, 0);
  variance_.assign(width, 1);
  count_.assign(width, 0);
  missing_.assign(width, 0);
  values_.assign(width, 0);
  normalised_.assign(width, 0);
  if (skip_ != Skip::kZero) last_z_.assign(width, 0);
  if (silent_after_ > 0) {
    last_x_.assign(width, std::numeric_limits<double>::quiet_NaN());
    unchanged_.assign(width, 0);
  }
}

absl::Status InputStage::CheckFloats(absl::Span<const float> floats,
                                     absl::string_view owner) const {
  const auto width = static_cast<std::size_t>(width_);
  if (floats.size() % width != 0) {
    return Error(
        absl::StatusCode::kInvalidArgument, kBadShape,
        absl::StrFormat("x has %d values; %s expects %s%d (inputs, set by its model's "
                        "input '%s'); send whole steps",
                        floats.size(), owner, floats.size() > width ? "a multiple of " : "", width_,
                        bytes_ ? "bytes" : "vector"));
  }
  // Most messages are as they should be, which one pass without a branch tells.
  if (transform_ == Transform::kNone &&
      kernels::AllFinite(floats.data(), static_cast<std::int64_t>(floats.size()))) {
    return absl::OkStatus();
  }
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const float value = floats[i];
    const bool missing = std::isnan(value);
    if (missing ? missing_allowed_ : Transformable(value)) continue;
    const std::string got =
        absl::StrFormat("x at step offset %d, channel %d is %g", i / width, i % width, value);
    const char* expected =
        missing ? "a number (missing values are refused by its model's input); send a number, or "
                  "use a model with missing 'allowed'"
        : std::isfinite(value) && transform_ == Transform::kSquareRoot
            ? "at least 0 (transform 'square_root' of its model's input); send counts, or use "
              "another transform"
        : std::isfinite(value)
            ? "more than -1 (transform 'log1p' of its model's input); send counts, or use another "
              "transform"
            : "a finite number; leave the value out";
    return Error(absl::StatusCode::kInvalidArgument, kNotFinite,
                 absl::StrCat(got, "; ", owner, " expects ", expected));
  }
  return absl::OkStatus();
}

bool InputStage::Transformable(float value) const {
  if (!std::isfinite(value)) return false;
  switch (transform_) {
    case Transform::kNone:
      return true;
    case Transform::kSquareRoot:
      return value >= 0;
    case Transform::kLog1p:
      return value > -1;
  }
  MILLRACE_CHECK(false);
}

double InputStage::Transformed(float value) const {
  const double x = value;
  switch (transform_) {
    case Transform::kNone:
      return x;
    case Transform::kSquareRoot:
      return kernels::Sqrt(x);
    case Transform::kLog1p: {
      // x log(1 + x) / ((1 + x) - 1) cancels the rounding of 1 + x (Kahan).
      const double u = 1.0 + x;
      if (u == 1.0) return x;
      return kernels::Log(u) * (x / (u - 1.0));
    }
  }
  MILLRACE_CHECK(false);
}

double InputStage::Normalised(double x, double mean, double variance) const {
  return kernels::Normalised(x, mean, variance, floor_, kClip);
}

bool InputStage::Missing(float value, std::size_t channel) const {
  if (std::isnan(value)) return true;
  return silent_after_ > 0 && static_cast<double>(value) == last_x_[channel] &&
         unchanged_[channel] + 1 >= silent_after_;
}

double InputStage::SkippedZ(std::size_t channel) const {
  if (skip_ == Skip::kZero) return 0;
  return skip_ == Skip::kHold ? last_z_[channel] : skip_decay_ * last_z_[channel];
}

double InputStage::View(const float* x, double* z, std::uint8_t* present) const {
  const auto width = static_cast<std::size_t>(width_);
  double sum = 0;
  std::int64_t channels = 0;
  for (std::size_t i = 0; i < width; ++i) {
    present[i] = 0;
    if (x == nullptr) {
      z[i] = SkippedZ(i);
    } else if (bytes_) {
      z[i] = x[i];
      present[i] = 1;
    } else if (Missing(x[i], i)) {
      z[i] = normalise_ ? 0 : mean_[i];
    } else {
      const double value = Transformed(x[i]);
      const double normalised = Normalised(value, mean_[i], variance_[i]);
      z[i] = normalise_ ? normalised : value;
      present[i] = 1;
      sum += normalised * normalised;
      ++channels;
    }
  }
  return channels == 0 ? 0 : sum / static_cast<double>(channels);
}

bool InputStage::Even(const float* x) const {
  if (bytes_ || x == nullptr || silent_after_ > 0) return false;
  const std::int64_t count = count_[0];
  std::int64_t uneven = 0;
  for (std::size_t i = 0; i < count_.size(); ++i) uneven |= count_[i] ^ count;
  bool missing = false;
  for (std::size_t i = 0; i < count_.size(); ++i) missing |= x[i] != x[i];
  return uneven == 0 && !missing;
}

double InputStage::EvenStep(const float* x, double* z, std::uint8_t* present) {
  if (transform_ == Transform::kNone) {
    std::copy_n(x, values_.size(), values_.begin());
  } else {
    std::transform(x, x + values_.size(), values_.begin(),
                   [&](float value) { return Transformed(value); });
  }
  const std::int64_t count = count_[0];
  kernels::NormaliseInput<double>({.x = values_.data(),
                                   .mean = mean_.data(),
                                   .variance = variance_.data(),
                                   .rate = RateAfter(count),
                                   .floor = floor_,
                                   .clip = kClip,
                                   .clip_changes = count > kSettled,
                                   .n = width_,
                                   .normalised = normalised_.data()});
  double sum = 0;
  for (const double normalised : normalised_) sum += normalised * normalised;
  const std::vector<double>& shown = normalise_ ? normalised_ : values_;
  std::copy(shown.begin(), shown.end(), z);
  std::fill_n(present, width_, std::uint8_t{1});
  std::fill(count_.begin(), count_.end(), count + 1);
  if (!last_z_.empty()) std::copy_n(z, last_z_.size(), last_z_.begin());
  return sum / static_cast<double>(width_);
}

double InputStage::RateAfter(std::int64_t count) const {
  return std::max(1.0 / static_cast<double>(count + 2), least_rate_);
}

double InputStage::Step(const float* x, double* z, std::uint8_t* present) {
  if (Even(x)) return EvenStep(x, z, present);
  const double novelty = View(x, z, present);
  if (!last_z_.empty()) std::copy_n(z, last_z_.size(), last_z_.begin());
  if (bytes_ || x == nullptr) return novelty;
  for (std::size_t i = 0; i < static_cast<std::size_t>(width_); ++i) {
    if (present[i] != 0) {
      Update(Transformed(x[i]), i);
    } else {
      ++missing_[i];
    }
    UpdateSilence(x[i], i);
  }
  return novelty;
}

void InputStage::Update(double x, std::size_t channel) {
  const std::int64_t count = count_[channel]++;
  const double clip = count > kSettled ? kClip : kernels::Real<double>::kInfinity;
  kernels::TakeIntoRunning(x, RateAfter(count), floor_, clip, &mean_[channel], &variance_[channel]);
}

void InputStage::UpdateSilence(float value, std::size_t channel) {
  if (silent_after_ == 0 || std::isnan(value)) return;
  const double x = value;
  unchanged_[channel] = x == last_x_[channel] ? unchanged_[channel] + 1 : 0;
  last_x_[channel] = x;
}

void InputStage::ViewFrozen(const float* x, const std::vector<double>& mean,
                            const std::vector<double>& variance, double* z) const {
  for (std::size_t i = 0; i < static_cast<std::size_t>(width_); ++i) {
    if (x == nullptr) {
      z[i] = skip_ == Skip::kZero ? 0 : last_z_[i];
    } else if (bytes_) {
      z[i] = x[i];
    } else if (std::isnan(x[i]) || (silent_after_ > 0 && unchanged_[i] >= silent_after_)) {
      z[i] = normalise_ ? 0 : mean[i];
    } else {
      const double value = Transformed(x[i]);
      z[i] = normalise_ ? Normalised(value, mean[i], variance[i]) : value;
    }
  }
}

void InputStage::CopyStatistics(std::vector<double>* mean, std::vector<double>* variance) const {
  *mean = mean_;
  *variance = variance_;
}

void InputStage::Fill(StreamStats* stats) const {
  stats->silent_channels.clear();
  stats->missing_values.clear();
  for (std::size_t i = 0; i < unchanged_.size(); ++i) {
    if (unchanged_[i] >= silent_after_) {
      stats->silent_channels.push_back(static_cast<std::uint32_t>(i));
    }
  }
  if (std::any_of(missing_.begin(), missing_.end(), [](std::int64_t n) { return n > 0; })) {
    stats->missing_values.assign(missing_.begin(), missing_.end());
  }
}

void InputStage::Visit(StateVisitor& visitor) {
  visitor.SetScope("input.");
  visitor.SetRole(StateRole::kLearner);
  visitor.Fixed("mean", mean_);
  visitor.Fixed("variance", variance_);
  visitor.Fixed("count", count_);
  visitor.Fixed("last_z", last_z_);
  visitor.Fixed("last_x", last_x_);
  visitor.Fixed("unchanged", unchanged_);
  visitor.SetRole(StateRole::kStream);
  visitor.Fixed("missing", missing_);
}

}  // namespace millrace::engine
