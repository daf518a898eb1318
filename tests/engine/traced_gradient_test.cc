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

constexpr std::uint64_t kSteps = 150;

ModelSpec Spec(const PartSpec& cell, const PartSpec& rule, const PartSpec& optimizer) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{5}}, {"missing", std::string("allowed")}}};
  spec.cell = cell;
  spec.cell.settings["units"] = std::int64_t{18};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = rule;
  spec.optimizer = optimizer;
  // The head's outer products have bits of their own.
  spec.optimizer.settings["rate_readout"] = 0.0;
  spec.guard = {"standard", {{"clip_norm", 0.0}}};
  return spec;
}

// A bound that no change reaches: changes are stored to be measured.
ModelSpec Measured(ModelSpec spec) {
  spec.guard.settings["max_step_change"] = 1e6;
  return spec;
}

// A stream after steps without pattern, some of them with channels missing.
std::unique_ptr<Stream> Played(const ModelSpec& spec) {
  const absl::StatusOr<std::shared_ptr<const Model>> model = Model::Create("model", spec);
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return nullptr;
  std::unique_ptr<Stream> stream =
      Stream::Open(*model, "stream", {.seed = 5, .overrides = {}}).value();
  std::vector<float> x(5), y(2);
  Outcome outcome;
  for (std::uint64_t seq = 1; seq <= kSteps; ++seq) {
    testing_support::Numbers numbers(seq);
    for (float& value : x) value = static_cast<float>(numbers.Between(-1, 1));
    for (float& value : y) value = static_cast<float>(numbers.Between(-1, 1));
    if (seq % 3 == 0) x[seq % 5] = std::numeric_limits<float>::quiet_NaN();
    const Event event =
        Observe{.first_seq = seq, .floats = x, .targets = TargetBlock{.steps = 1, .values = y}};
    EXPECT_TRUE(stream->Check(event).ok()) << stream->Check(event);
    stream->Apply(event, {}, &outcome);
  }
  EXPECT_EQ(stream->Stats().updates, kSteps);
  return stream;
}

std::string Learned(const ModelSpec& spec) { return Played(spec)->LearnerDigest(); }

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
      const ModelSpec spec = Spec(cell, rule, {"rmsprop", {}});
      EXPECT_EQ(Learned(spec), Learned(Measured(spec)));
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
      const ModelSpec spec = Spec({cell, {}}, {"snap1", {}}, optimizer);
      EXPECT_EQ(Learned(spec), Learned(Measured(spec)));
    }
  }
}

// Norms are summed in another order, so clipped streams agree up to rounding.
TEST(TracedGradient, IsClippedAsAStoredOneIs) {
  for (const char* cell : {"vanilla", "lstm", "lru"}) {
    SCOPED_TRACE(cell);
    ModelSpec spec = Spec({cell, {}}, {"snap1", {}}, {"rmsprop", {}});
    double square = 0;
    for (const double norm : Played(spec)->Stats().gradient_norm) square += norm * norm;
    spec.guard.settings["clip_norm"] = std::sqrt(square);  // of the last step: one among many
    const StreamStats traced = Played(spec)->Stats();
    const StreamStats stored = Played(Measured(spec))->Stats();
    EXPECT_GT(traced.clipped_updates, 0u);
    EXPECT_LT(traced.clipped_updates, kSteps);
    EXPECT_EQ(traced.clipped_updates, stored.clipped_updates);
    ASSERT_EQ(traced.gradient_norm.size(), stored.gradient_norm.size());
    for (std::size_t i = 0; i < stored.gradient_norm.size(); ++i) {
      EXPECT_NEAR(traced.gradient_norm[i], stored.gradient_norm[i], 1e-3 * stored.gradient_norm[i]);
    }
  }
}

}  // namespace
}  // namespace millrace::engine
