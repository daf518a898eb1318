// A stream with diagnostics learns the same bits as one without; what they cost; how they resume.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/cells/list.h"
#include "engine/diagnostics/sampler.h"
#include "engine/optimizers/list.h"
#include "engine/rules/list.h"
#include "engine/stream.h"
#include "tests/support/allocations.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

using testing_support::allocations;
using testing_support::counting_allocations;

constexpr std::int64_t kEvery = 7;

ModelSpec Spec(const std::string& cell, const std::string& rule, const Settings& monitor = {}) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{3}}, {"normalise", true}}};
  spec.cell = {cell, {{"units", std::int64_t{8}}}};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = {rule, {}};
  spec.monitor = {"standard", monitor};
  return spec;
}

Settings On(bool exact = true) { return {{"diagnostics_every", kEvery}, {"exact_cosine", exact}}; }

std::shared_ptr<const Model> MakeModel(const ModelSpec& spec) {
  const absl::StatusOr<std::shared_ptr<const Model>> model = Model::Create("model", spec);
  EXPECT_TRUE(model.ok()) << model.status();
  return *model;
}

class Driven {
 public:
  explicit Driven(const ModelSpec& spec) : Driven(MakeModel(spec)) {}
  explicit Driven(std::shared_ptr<const Model> model)
      : stream_(Stream::Open(std::move(model), "stream", {.seed = 5, .overrides = {}}).value()) {}
  explicit Driven(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  Stream& stream() { return *stream_; }
  // Steps up to `last`, with a target each; what step t is depends on t alone.
  void Play(std::uint64_t last) {
    for (std::uint64_t seq = stream_->applied_seq() + 1; seq <= last; ++seq) {
      testing_support::Numbers numbers(seq);
      for (float& value : x_) value = static_cast<float>(numbers.Between(-1, 1));
      for (float& value : y_) value = static_cast<float>(numbers.Between(-1, 1));
      const Event event =
          Observe{.first_seq = seq, .floats = x_, .targets = TargetBlock{.steps = 1, .values = y_}};
      ASSERT_TRUE(stream_->Check(event).ok()) << stream_->Check(event);
      counting_allocations = count_;
      stream_->Apply(event, {}, &outcome_);
      counting_allocations = false;
    }
  }
  void Set(const std::string& name, SettingValue value) {
    const Event event = engine::Set{{{name, std::move(value)}}};
    ASSERT_TRUE(stream_->Check(event).ok()) << stream_->Check(event);
    stream_->Apply(event, {}, &outcome_);
  }
  void Reset() { stream_->Apply(engine::Reset{}, {}, &outcome_); }
  void Count() { count_ = true; }

 private:
  std::unique_ptr<Stream> stream_;
  std::vector<float> x_ = std::vector<float>(3), y_ = std::vector<float>(2);
  Outcome outcome_;
  bool count_ = false;
};

bool IsOfDiagnostics(const NamedTensor& tensor) {
  return tensor.name.rfind("diagnostics.", 0) == 0;
}

std::vector<NamedTensor> Learned(const Snapshot& snapshot) {
  std::vector<NamedTensor> tensors;
  for (const NamedTensor& tensor : snapshot.tensors) {
    if (!IsOfDiagnostics(tensor)) tensors.push_back(tensor);
  }
  return tensors;
}

TEST(DiagnosticStream, LearnsTheBitsThatItLearnsWithout) {
  for (const char* cell : {"vanilla", "lstm", "gru", "lru"}) {
    for (const char* rule : {"immediate", "snap1", "rtrl", "uoro", "tbptt"}) {
      SCOPED_TRACE(std::string(cell) + " " + rule);
      Driven off(Spec(cell, rule)), on(Spec(cell, rule, On()));
      for (const std::uint64_t until : {40, 100}) {
        off.Play(until);
        on.Play(until);
        off.Reset();
        on.Reset();
      }
      const std::vector<NamedTensor> without = Learned(off.stream().Save());
      const std::vector<NamedTensor> with = Learned(on.stream().Save());
      ASSERT_EQ(without.size(), with.size());
      for (std::size_t i = 0; i < with.size(); ++i) {
        EXPECT_EQ(with[i].name, without[i].name);
        EXPECT_EQ(with[i].bytes, without[i].bytes) << with[i].name;
      }
      EXPECT_EQ(on.stream().Stats().diagnostics->samples, 100u / kEvery);
      EXPECT_FALSE(off.stream().Stats().diagnostics.has_value());
    }
  }
}

TEST(DiagnosticStream, IsTheSameInDigestsWithAndWithout) {
  const std::shared_ptr<const Model> model = MakeModel(Spec("vanilla", "rtrl"));
  Driven off(model), on(model);
  on.Set("monitor.diagnostics_every", std::int64_t{3});
  off.Play(50);
  on.Play(50);
  EXPECT_EQ(on.stream().LearnerDigest(), off.stream().LearnerDigest());
}

TEST(DiagnosticStream, LearnsTheSameBitsFromBytes) {
  ModelSpec spec = Spec("vanilla", "immediate");
  spec.input = {"bytes", {}};
  spec.head = {"linear", {}};
  spec.loss = {"cross_entropy", {}};
  spec.target = {"next_input", {}};
  ModelSpec with = spec;
  with.monitor = {"standard", On()};
  std::vector<std::uint8_t> text;
  for (int i = 0; i < 200; ++i) text.push_back(static_cast<std::uint8_t>('a' + i * i % 7));
  std::vector<std::vector<NamedTensor>> learned;
  for (const ModelSpec& one : {spec, with}) {
    Driven driven(one);
    Outcome outcome;
    const Event event = Observe{.first_seq = 1, .raw_bytes = text};
    ASSERT_TRUE(driven.stream().Check(event).ok());
    driven.stream().Apply(event, {}, &outcome);
    learned.push_back(Learned(driven.stream().Save()));
  }
  for (std::size_t i = 0; i < learned[0].size(); ++i) {
    EXPECT_EQ(learned[1][i].bytes, learned[0][i].bytes) << learned[0][i].name;
  }
}

TEST(DiagnosticStream, ShowsItsFigures) {
  Driven driven(Spec("vanilla", "immediate", On()));
  driven.Play(100);
  const StreamStats stats = driven.stream().Stats();
  const Diagnostics& figures = *stats.diagnostics;
  EXPECT_EQ(figures.samples, 14u);
  EXPECT_EQ(figures.seq, 98u);
  ASSERT_EQ(figures.gradient_norm.size(), stats.groups.size());
  const double recurrent = figures.gradient_norm[static_cast<std::size_t>(Group::kRecurrent)];
  const double readout = figures.gradient_norm[static_cast<std::size_t>(Group::kReadout)];
  EXPECT_GT(recurrent, 0);
  EXPECT_GT(readout, 0);
  EXPECT_NEAR(std::log(*figures.gradient_ratio), std::log(recurrent / readout), 1.0);
  EXPECT_LT(std::abs(*figures.self_propagation), *figures.absolute_self_propagation);
  EXPECT_GT(*figures.sensitivity_norm, 0);
  EXPECT_GT(*figures.exact_cosine, 0.2);
  EXPECT_LT(*figures.exact_cosine, 1);
  EXPECT_GT(*figures.exact_norm_ratio, 0.1);
  EXPECT_TRUE(stats.advice.empty());
}

TEST(DiagnosticStream, OfAnExactRuleHasCosineOneAndRunsNothingBeside) {
  Driven driven(Spec("lru", "rtrl", On()));
  driven.Play(40);
  EXPECT_EQ(driven.stream().Stats().diagnostics->exact_cosine, 1.0);
  EXPECT_EQ(driven.stream().Stats().diagnostics->exact_norm_ratio, 1.0);
  for (const NamedTensor& tensor : driven.stream().Save().tensors) {
    EXPECT_TRUE(tensor.name != "diagnostics.exact_sensitivities" || tensor.bytes.empty());
  }
}

TEST(DiagnosticStream, ResumesItsFiguresBitForBit) {
  const std::shared_ptr<const Model> model = MakeModel(Spec("gru", "immediate", On()));
  Driven whole(model), first(model);
  whole.Play(120);
  first.Play(61);
  Driven second(Stream::Load(model, "stream", first.stream().Save()).value());
  second.Play(120);
  EXPECT_EQ(EncodeSnapshot(second.stream().Save()), EncodeSnapshot(whole.stream().Save()));
  const Diagnostics resumed = *second.stream().Stats().diagnostics;
  const Diagnostics expected = *whole.stream().Stats().diagnostics;
  EXPECT_EQ(resumed.samples, expected.samples);
  EXPECT_EQ(resumed.gradient_norm, expected.gradient_norm);
  EXPECT_EQ(resumed.gradient_ratio, expected.gradient_ratio);
  EXPECT_EQ(resumed.self_propagation, expected.self_propagation);
  EXPECT_EQ(resumed.absolute_self_propagation, expected.absolute_self_propagation);
  EXPECT_EQ(resumed.exact_cosine, expected.exact_cosine);
  EXPECT_EQ(resumed.exact_norm_ratio, expected.exact_norm_ratio);
}

TEST(DiagnosticStream, TurnsOnAndOffOnRequest) {
  Driven driven(Spec("vanilla", "snap1"));
  driven.Play(20);
  EXPECT_FALSE(driven.stream().Stats().diagnostics.has_value());
  driven.Set("monitor.diagnostics_every", std::int64_t{5});
  driven.Play(40);
  EXPECT_EQ(driven.stream().Stats().diagnostics->samples, 4u);
  EXPECT_FALSE(driven.stream().Stats().diagnostics->exact_cosine.has_value());
  driven.Set("monitor.diagnostics_every", std::int64_t{0});
  EXPECT_FALSE(driven.stream().Stats().diagnostics.has_value());
  const Snapshot snapshot = driven.stream().Save();
  EXPECT_EQ(Learned(snapshot).size(), snapshot.tensors.size());
  driven.Play(60);
  driven.Set("monitor.diagnostics_every", std::int64_t{5});
  EXPECT_FALSE(driven.stream().Stats().diagnostics.has_value());
  driven.Play(80);
  EXPECT_EQ(driven.stream().Stats().diagnostics->samples, 4u);
}

TEST(DiagnosticStream, AdvisesOnWhatItMeasures) {
  ModelSpec spec = Spec("vanilla", "immediate", On(false));
  spec.cell.settings["recurrent_gain"] = 0.01;
  spec.optimizer = {"sgd", {{"rate", 1e-5}}};
  spec.head.settings["gain"] = 0.001;  // next to nothing of the error reaches the units
  Driven driven(spec);
  driven.Play(50);
  EXPECT_TRUE(driven.stream().Stats().advice.empty());
  driven.Play(100);
  const StreamStats stats = driven.stream().Stats();
  EXPECT_LT(*stats.diagnostics->gradient_ratio, 0.02);
  ASSERT_EQ(stats.advice.size(), 1u);
  EXPECT_EQ(stats.advice[0].code, "SMALL_RECURRENT_GRADIENT");
}

TEST(DiagnosticStream, AllocatesNothingBetweenSamples) {
  ModelSpec spec = Spec("vanilla", "immediate", On());
  spec.monitor.settings["diagnostics_every"] = std::int64_t{100};
  Driven driven(spec);
  driven.Play(150);
  allocations = 0;
  driven.Count();
  driven.Play(199);
  EXPECT_EQ(allocations, 0);
}

// The sampler beside an exact rule of the test's own, on one history under weights that stand.
class Compared {
 public:
  Compared() {
    testing_support::Numbers numbers(2);
    for (double& weight : theta_) weight = numbers.Between(-0.6, 0.6);
    for (double& value : q_) value = numbers.Between(-1, 1);
  }

  void Play(std::uint64_t steps) {
    testing_support::Numbers numbers(3);
    for (std::uint64_t t = 1; t <= steps; ++t) {
      const std::vector<double> x = {numbers.Between(-1, 1), numbers.Between(-1, 1), 0.5};
      cell_->Forward(theta_.data(), {.dense = x.data()}, hidden_.data(), &step_);
      std::copy_n(step_.state(), hidden_.size(), hidden_.data());
      exact_->Advance(theta_.data(), step_, t, state_.data());
      sampler_.Advance(theta_.data(), step_, t);
    }
  }
  void Reset() {
    std::fill(state_.begin(), state_.end(), 0.0);
    sampler_.Reset();
  }
  Diagnostics Sample() {
    sampler_.Sample({q_.data(), dy_.data(), 2}, {theta_.data(), step_, nullptr, nullptr}, *own_, 9);
    StreamStats stats;
    sampler_.Fill(*MakeOptimizer<double>(spec_.optimizer), &stats);
    return *stats.diagnostics;
  }
  std::vector<double> GradientOf(Rule<double>& rule) {
    std::vector<double> g(theta_.size());
    rule.Gradient({q_.data(), dy_.data(), 2}, {theta_.data(), step_, nullptr, state_.data()}, false,
                  g.data());
    return g;
  }
  Rule<double>& own() { return *own_; }
  Rule<double>& exact() { return *exact_; }

 private:
  ModelSpec spec_ = Resolve(Spec("vanilla", "immediate", On())).value();
  std::unique_ptr<Cell<double>> cell_ = MakeCell<double>(spec_.cell, 3);
  std::unique_ptr<Rule<double>> own_ = MakeRule<double>(spec_.rule, *cell_, 1);
  std::unique_ptr<Rule<double>> exact_ = MakeRule<double>({"rtrl", {}}, *cell_, 1);
  DiagnosticSampler<double> sampler_{spec_, *cell_, *own_, 2};
  CellStep<double> step_{cell_->step_shape()};
  std::vector<double> theta_ = std::vector<double>(static_cast<std::size_t>(cell_->parameters()));
  std::vector<double> q_ = std::vector<double>(static_cast<std::size_t>(cell_->outputs()));
  std::vector<double> dy_ = std::vector<double>(2), hidden_ = std::vector<double>(q_.size());
  std::vector<double> state_ = std::vector<double>(static_cast<std::size_t>(exact_->StateSize()));
};

TEST(DiagnosticSampler, ComparesWithTheExactGradientOfTheSameHistory) {
  Compared compared;
  compared.Play(15);
  const std::vector<double> a = compared.GradientOf(compared.own());
  const std::vector<double> b = compared.GradientOf(compared.exact());
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  const Diagnostics figures = compared.Sample();
  EXPECT_NEAR(*figures.exact_cosine, ab / std::sqrt(aa * bb), 1e-12);
  EXPECT_NEAR(*figures.exact_norm_ratio, std::sqrt(aa / bb), 1e-12);
  EXPECT_LT(*figures.exact_cosine, 0.99);
}

TEST(DiagnosticSampler, ForgetsWhatTheExactRuleHeldWhereTheStateGoesToZero) {
  Compared compared;
  compared.Play(15);
  compared.Reset();
  compared.Play(1);  // one step after zero the immediate gradient is the exact one
  const Diagnostics figures = compared.Sample();
  EXPECT_NEAR(*figures.exact_cosine, 1, 1e-12);
  EXPECT_NEAR(*figures.exact_norm_ratio, 1, 1e-12);
}

}  // namespace
}  // namespace millrace::engine
