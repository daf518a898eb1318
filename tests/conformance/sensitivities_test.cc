// Dense sensitivities in numbers of fewer bits: that they are rounded where the definition says,
// and nowhere else. The engine must be far closer to the reference that rounds there than that is
// to the reference that does not, whose distance is what the rounding costs in a run that learns.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

constexpr int kSteps = 28;

engine::ModelSpec Spec(const engine::PartSpec& cell, const engine::PartSpec& rule) {
  engine::ModelSpec spec = BaseSpec();
  spec.cell = cell;
  spec.rule = rule;
  spec.number_type = engine::NumberType::kFloat32;
  spec.optimizer = {"sgd", {{"rate", 0.05}}};
  spec.guard = {"standard", {{"clip_norm", 0.0}}};
  return spec;
}

// A carry of what is fed back, several components, a modulator, blocks; all entries, and some.
std::vector<engine::ModelSpec> Specs() {
  const std::int64_t n = 20;
  const engine::PartSpec vanilla{"vanilla", {{"units", n}, {"leak", 0.4}}};
  const engine::PartSpec lstm{"lstm", {{"units", std::int64_t{12}}}};
  const engine::PartSpec gru{"gru", {{"units", n}, {"reset", std::string("before")}}};
  const engine::PartSpec blocks{"block_gru", {{"units", n}, {"blocks", std::int64_t{2}}}};
  const engine::PartSpec full{"rtrl", {}};
  const engine::PartSpec ring{"sparse_rtrl", {{"mask", std::string("ring")}}};
  const engine::PartSpec narrow{"sparse_rtrl",
                                {{"mask", std::string("block")}, {"k", std::int64_t{4}}}};
  return {Spec(vanilla, full), Spec(lstm, full),      Spec(gru, full),   Spec(blocks, full),
          Spec(vanilla, ring), Spec(vanilla, narrow), Spec(lstm, narrow)};
}

struct Run {
  reference::Vector start, weights;
  reference::Layout layout;
};

Run Learned(const engine::ModelSpec& spec, const Script& script) {
  const std::shared_ptr<const engine::Model> model = MakeModel(spec);
  const std::unique_ptr<engine::Stream> stream = OpenStream(model);
  Run run{TensorValues(stream->Save(), "learner.weights"), {}, LayoutOf(*stream)};
  Player player(&script, stream.get());
  player.Observe(0, kSteps, 0);
  run.weights = TensorValues(stream->Save(), "learner.weights");
  return run;
}

reference::Vector OfReference(const engine::ModelSpec& spec, const Script& script,
                              const reference::Vector& start) {
  const std::shared_ptr<const engine::Model> model = MakeModel(spec);
  const auto specification = SpecificationOf(*model, OpenStream(model)->Save());
  EXPECT_TRUE(specification.ok()) << specification.status();
  reference::OnlineStream stream(*specification, start);
  reference::Vector outputs;
  PlayOnReference(script, 0, kSteps, false, &stream, &outputs);
  return stream.learner().weights();
}

// Of what was learned: the distance of two runs, as a part of the way that one of them went.
double Error(const reference::Vector& a, const reference::Vector& b,
             const reference::Vector& start) {
  double apart = 0, way = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    apart += (a[i] - b[i]) * (a[i] - b[i]);
    way += (b[i] - start[i]) * (b[i] - start[i]);
  }
  return std::sqrt(apart / way);
}

struct Errors {
  double rounded;  // against the reference that rounds so
  double exact;    // against the reference that does not
};

Errors ErrorsOf(engine::ModelSpec spec, const std::string& numbers) {
  const std::shared_ptr<const engine::Model> model = MakeModel(spec);
  const Script script = MakeScript(*model, 21, kSteps);
  spec.rule.settings["sensitivities"] = numbers;
  const Run run = Learned(spec, script);
  const reference::Vector rounded = OfReference(spec, script, run.start);
  spec.rule.settings["sensitivities"] = std::string("full");
  const reference::Vector exact = OfReference(spec, script, run.start);
  const Errors errors{Error(run.weights, rounded, run.start), Error(run.weights, exact, run.start)};
  std::printf("%-10s %-11s %-7s error of what was learned in %d steps: %.1e, from rounded %.1e\n",
              spec.cell.name.c_str(), spec.rule.name.c_str(), numbers.c_str(), kSteps, errors.exact,
              errors.rounded);
  return errors;
}

TEST(Sensitivities, AreRoundedWhereTheReferenceRoundsThem) {
  for (const engine::ModelSpec& spec : Specs()) {
    SCOPED_TRACE(spec.cell.name + " " + spec.rule.name);
    const double of_float32 = ErrorsOf(spec, "full").exact;
    for (const auto& [numbers, least, most] :
         {std::tuple{"tf32", 1e-5, 1e-4}, std::tuple{"bf16", 2e-4, 3e-3}}) {
      const Errors errors = ErrorsOf(spec, numbers);
      EXPECT_LT(errors.rounded, 2 * of_float32 + errors.exact / 8) << numbers;
      EXPECT_GT(errors.exact, 4 * of_float32) << numbers;
      EXPECT_GT(errors.exact, least) << numbers;
      EXPECT_LT(errors.exact, most) << numbers;
    }
  }
}

TEST(Sensitivities, ByThreeProductsOfTf32AreAsExactAsFloat32) {
  for (const engine::ModelSpec& spec : Specs()) {
    SCOPED_TRACE(spec.cell.name + " " + spec.rule.name);
    const double of_float32 = ErrorsOf(spec, "full").exact;
    EXPECT_LT(ErrorsOf(spec, "tf32x3").exact, 1.5 * of_float32);
    EXPECT_LT(of_float32, 5e-6);
  }
}

// Whatever a snapshot holds of them is a number of the kind: the low half of a float32 is zero.
TEST(Sensitivities, KeptInBf16AreBf16InEverySnapshotAndAfterTheirNormWasCapped) {
  for (engine::ModelSpec spec : Specs()) {
    SCOPED_TRACE(spec.cell.name + " " + spec.rule.name);
    spec.rule.settings["sensitivities"] = std::string("bf16");
    for (const double most : {0.0, 0.5}) {
      spec.guard.settings["max_sensitivity_norm"] = most;
      const std::shared_ptr<const engine::Model> model = MakeModel(spec);
      const std::unique_ptr<engine::Stream> stream = OpenStream(model);
      const Script script = MakeScript(*model, 21, kSteps);
      Player player(&script, stream.get());
      player.Observe(0, kSteps, 0);
      const reference::Vector kept = TensorValues(stream->Save(), "learner.rule");
      double norm = 0;
      for (const double value : kept) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(value)) & 0xffffu, 0u);
        norm += value * value;
      }
      EXPECT_GT(norm, 0);
      EXPECT_TRUE(most == 0 || std::sqrt(norm) < 1.01 * most);
    }
  }
}

}  // namespace
}  // namespace millrace::conformance
