// Gradients that stay in traces: a stream whose changes are made in one sweep learns the bits of
// one whose changes are stored and looked at first.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/stream.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

constexpr std::uint64_t kSteps = 120;
// The readout starts at zero: until here it learns, and nothing is fed back in the first steps.
constexpr std::uint64_t kReadoutLearns = 20;

ModelSpec Spec(const PartSpec& cell, const PartSpec& rule, const PartSpec& optimizer) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{5}}, {"missing", std::string("allowed")}}};
  spec.cell = cell;
  spec.cell.settings["units"] = std::int64_t{18};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = rule;
  spec.optimizer = optimizer;
  spec.guard = {"standard", {{"clip_norm", 0.0}}};
  return spec;
}

class Driven {
 public:
  explicit Driven(const ModelSpec& spec)
      : stream_(Stream::Open(Model::Create("model", spec).value(), "stream",
                             {.seed = 5, .overrides = {}})
                    .value()) {}

  // Steps without pattern up to `last`, some of them with channels missing.
  void Play(std::uint64_t last) {
    std::vector<float> x(5), y(2);
    for (std::uint64_t seq = stream_->applied_seq() + 1; seq <= last; ++seq) {
      testing_support::Numbers numbers(seq);
      for (float& value : x) value = static_cast<float>(numbers.Between(-1, 1));
      for (float& value : y) value = static_cast<float>(numbers.Between(-1, 1));
      if (seq % 3 == 0) x[seq % 5] = std::numeric_limits<float>::quiet_NaN();
      Apply(
          Observe{.first_seq = seq, .floats = x, .targets = TargetBlock{.steps = 1, .values = y}});
    }
  }
  void Set(const Settings& settings) {
    engine::Set set;
    for (const auto& [name, value] : settings) set.settings.push_back({name, value});
    Apply(set);
  }
  const Stream& stream() const { return *stream_; }

 private:
  void Apply(const Event& event) {
    ASSERT_TRUE(stream_->Check(event).ok()) << stream_->Check(event);
    stream_->Apply(event, {}, &outcome_);
  }

  std::unique_ptr<Stream> stream_;
  Outcome outcome_;
};

// A stream whose cell alone learns after the first steps: the head's outer products have bits of
// their own. measured: a bound that no change reaches, so changes are stored to be measured.
Driven Played(const ModelSpec& spec, bool measured, double clip_norm = 0) {
  Driven driven(spec);
  driven.Play(kReadoutLearns);
  const std::string before = driven.stream().LearnerDigest();
  driven.Set({{"optimizer.rate_readout", 0.0},
              {"guard.clip_norm", clip_norm},
              {"guard.max_step_change", measured ? 1e6 : 0.0}});
  driven.Play(kSteps);
  EXPECT_EQ(driven.stream().Stats().updates, kSteps);
  EXPECT_NE(driven.stream().LearnerDigest(), before);
  return driven;
}

// Group by group; the readout's is zero.
double NormOf(const Driven& driven) {
  double square = 0;
  for (const double norm : driven.stream().Stats().gradient_norm) square += norm * norm;
  return std::sqrt(square);
}

void ExpectSameBits(const ModelSpec& spec) {
  const Driven traced = Played(spec, false);
  const Driven stored = Played(spec, true);
  EXPECT_GT(NormOf(traced), 0);
  EXPECT_EQ(traced.stream().LearnerDigest(), stored.stream().LearnerDigest());
}

TEST(TracedGradient, HasTheBitsOfAStoredOneForEveryCellAndRuleWithTraces) {
  const std::vector<PartSpec> rules = {
      {"snap1", {}}, {"rflo", {}}, {"immediate", {{"decay", 0.7}, {"normalised", true}}}};
  const std::vector<PartSpec> cells = {{"vanilla", {}},
                                       {"ctrnn", {}},
                                       {"lstm", {}},
                                       {"gru", {}},
                                       {"slstm", {{"heads", std::int64_t{3}}}},
                                       {"block_gru", {{"blocks", std::int64_t{3}}}},
                                       {"lru", {}},
                                       {"rg_lru", {}},
                                       {"rwkv", {}},
                                       {"s4d", {{"state", std::int64_t{2}}}}};
  for (const PartSpec& cell : cells) {
    for (const PartSpec& rule : rules) {
      SCOPED_TRACE(cell.name + " " + rule.name);
      ExpectSameBits(Spec(cell, rule, {"rmsprop", {}}));
    }
  }
}

TEST(TracedGradient, HasTheBitsOfAStoredOneForEveryOptimizer) {
  const std::vector<PartSpec> optimizers = {
      {"sgd", {}},     {"sgd", {{"momentum", 0.9}}},
      {"rmsprop", {}}, {"rmsprop", {{"epsilon_inside", true}}},
      {"adam", {}},    {"adam", {{"moments", std::string("first")}}},
      {"adamw", {}},   {"adam", {{"moments", std::string("second")}}},
      {"obgd", {}}};
  for (const char* cell : {"vanilla", "lru"}) {
    for (const PartSpec& optimizer : optimizers) {
      SCOPED_TRACE(std::string(cell) + " " + optimizer.name);
      ExpectSameBits(Spec({cell, {}}, {"snap1", {}}, optimizer));
    }
  }
}

// Norms are summed in another order, so clipped streams agree up to rounding.
TEST(TracedGradient, IsClippedAsAStoredOneIs) {
  for (const char* cell : {"vanilla", "lstm", "lru"}) {
    SCOPED_TRACE(cell);
    const ModelSpec spec = Spec({cell, {}}, {"snap1", {}}, {"rmsprop", {}});
    const double norm = NormOf(Played(spec, false));
    ASSERT_GT(norm, 0);
    const Driven traced = Played(spec, false, norm / 2);
    const Driven stored = Played(spec, true, norm / 2);
    EXPECT_GT(traced.stream().Stats().clipped_updates, 0u);
    EXPECT_EQ(traced.stream().Stats().clipped_updates, stored.stream().Stats().clipped_updates);
    EXPECT_NEAR(NormOf(traced), NormOf(stored), 1e-3 * NormOf(stored));
  }
}

}  // namespace
}  // namespace millrace::engine
