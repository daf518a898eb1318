// The diagnostics' figures against their definitions, on small cells in float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/diagnostics/advice.h"
#include "engine/diagnostics/self_propagation.h"
#include "engine/diagnostics/sensitivities.h"
#include "engine/diagnostics/singular_values.h"
#include "engine/errors.h"
#include "engine/rules/list.h"
#include "tests/engine/cell_cases.h"

namespace millrace::engine {
namespace {

using Vector = std::vector<double>;

// A rule that took some steps of a cell in.
struct Played {
  Played(const CellCase& of, const std::string& rule_name, int steps, const Settings& settings = {})
      : point(of), last(point.cell().step_shape()) {
    const PartSpec part = ResolvePart("rule", {rule_name, settings}, "").value();
    rule = MakeRule<double>(part, point.cell(), 3);
    state.assign(static_cast<std::size_t>(rule->StateSize()), 0.0);
    constants.assign(static_cast<std::size_t>(rule->ConstantsSize(2)), 0.0);
    rule->InitializeConstants(3, 2, constants.data());
    Vector hidden(static_cast<std::size_t>(point.cell().state_size()), 0.0);
    for (int t = 1; t <= steps; ++t) {
      const Vector x = CellPoint::Input(static_cast<std::uint64_t>(t));
      point.cell().Forward(point.theta().data(), {.dense = x.data()}, hidden.data(), &last);
      std::copy_n(last.state(), hidden.size(), hidden.data());
      rule->Advance(point.theta().data(), last, static_cast<std::uint64_t>(t), state.data());
    }
  }

  RuleView<double> view() const {
    return {point.theta().data(), last, constants.data(), state.data()};
  }
  Spectrum Measure(std::int64_t reach) {
    return Sensitivities<double>(point.cell(), reach, 2).Measure(*rule, view());
  }

  CellPoint point;
  CellStep<double> last;
  std::unique_ptr<Rule<double>> rule;
  Vector state, constants;
};

CellCase Case(const std::string& name, std::int64_t units, const Settings& more = {}) {
  Settings settings = more;
  settings.emplace("units", units);
  return {name, Resolved(name, settings)};
}

bool LibTorchIsThere() {
  const double one = 1;
  double value = 0;
  return SingularValues(&one, 1, 1, &value);
}

TEST(SingularValues, FallWithinEachMatrix) {
  if (!LibTorchIsThere()) GTEST_SKIP() << "LibTorch is not installed";
  // diag(2, 3), and [[2, 1], [1, 2]] with eigenvalues 3 and 1.
  const Vector matrices = {2, 0, 0, 3, 2, 1, 1, 2};
  Vector values(4);
  ASSERT_TRUE(SingularValues(matrices.data(), 2, 2, values.data()));
  const Vector expected = {3, 2, 3, 1};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(values[i], expected[i], 1e-14);
}

TEST(Sensitivities, AreTheFrobeniusNormAndTheSpectrumOfTheRowsThatTheRuleReadsOut) {
  Played run(Case("vanilla", 2), "rtrl", 12);
  const std::int64_t p = run.point.cell().parameters();
  // Dense full RTRL of a cell with one block: the state itself is S [2, p].
  ASSERT_EQ(static_cast<std::int64_t>(run.state.size()), 2 * p);
  double a = 0, b = 0, c = 0;  // of [[a, b], [b, c]] = S S^T
  for (std::size_t w = 0; w < static_cast<std::size_t>(p); ++w) {
    const double x = run.state[w];
    const double y = run.state[static_cast<std::size_t>(p) + w];
    a += x * x;
    b += x * y;
    c += y * y;
  }
  const double half = (a + c) / 2;
  const double root = std::sqrt((a - c) * (a - c) / 4 + b * b);
  const Spectrum spectrum = run.Measure(kAllUnits);
  EXPECT_NEAR(*spectrum.norm, std::sqrt(a + c), 1e-12 * std::sqrt(a + c));
  if (!LibTorchIsThere()) GTEST_SKIP() << "LibTorch is not installed";
  EXPECT_NEAR(*spectrum.condition_number, std::sqrt((half + root) / (half - root)), 1e-9);
  EXPECT_EQ(*spectrum.effective_rank, half + root >= 0.95 * (a + c) ? 1 : 2);
}

TEST(Sensitivities, OfUnitsApartAreThoseOfAllTogether) {
  const struct {
    CellCase cell;
    const char* rule;
    std::int64_t reach;
  } cases[] = {{Case("vanilla", 6), "snap1", 1},
               {Case("lru", 6), "rtrl", 1},
               {Case("lstm", 6), "snap1", 1},
               {Case("block_gru", 6, {{"blocks", std::int64_t{2}}}), "rtrl", 3}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.cell.label);
    Played run(one.cell, one.rule, 8);
    const Spectrum apart = run.Measure(one.reach);
    const Spectrum together = run.Measure(kAllUnits);
    ASSERT_GT(*together.norm, 0.1);
    EXPECT_NEAR(*apart.norm, *together.norm, 1e-12 * *together.norm);
    ASSERT_EQ(apart.effective_rank.has_value(), LibTorchIsThere());
    if (!LibTorchIsThere()) continue;
    EXPECT_NEAR(*apart.condition_number, *together.condition_number, 1e-6);
    EXPECT_EQ(*apart.effective_rank, *together.effective_rank);
  }
}

TEST(Sensitivities, OfEveryRuleAndCellGoAsFarAsTheRuleSays) {
  const struct {
    const char* rule;
    Settings settings;
    std::int64_t vanilla_reach;
  } rules[] = {{"immediate", {}, 1},
               {"immediate", {{"decay", 0.5}}, 1},
               {"rflo", {}, 1},
               {"snap1", {}, 1},
               {"rtrl", {}, 6},
               {"sparse_rtrl", {{"mask", std::string("block")}, {"k", std::int64_t{3}}}, 3},
               {"uoro", {}, kAllUnits},
               {"tbptt", {}, kAllUnits}};
  for (const auto& one : rules) {
    for (const CellCase& cell : CellCases()) {
      const PartSpec part = ResolvePart("rule", {one.rule, one.settings}, "").value();
      if (!CheckRule(cell.part, CellPoint::kInputs, part).ok()) continue;
      SCOPED_TRACE(std::string(one.rule) + " " + cell.label);
      Played run(cell, one.rule, 8, one.settings);
      if (cell.label == "vanilla") {
        EXPECT_EQ(run.rule->Reach(), one.vanilla_reach);
      }
      const Spectrum told = run.Measure(run.rule->Reach());
      const Spectrum all = run.Measure(kAllUnits);
      EXPECT_NEAR(told.norm.value(), all.norm.value(), 1e-12 * *all.norm);
      EXPECT_EQ(told.effective_rank, all.effective_rank);
    }
  }
}

TEST(Sensitivities, AreNoneOfARuleWithAFeedbackOfItsOwn) {
  Played run(Case("vanilla", 6), "rflo", 3, {{"feedback", std::string("random")}});
  EXPECT_EQ(run.rule->Reach(), kNoUnits);
}

TEST(Sensitivities, OfRankOneHaveNoConditionNumber) {
  if (!LibTorchIsThere()) GTEST_SKIP() << "LibTorch is not installed";
  Played run(Case("vanilla", 6), "uoro", 8);
  const Spectrum spectrum = run.Measure(kAllUnits);
  EXPECT_EQ(*spectrum.effective_rank, 1);
  EXPECT_FALSE(spectrum.condition_number.has_value());
}

TEST(Sensitivities, AreAbsentWhereTheRuleHasNoneOrTheyAreLarge) {
  Played run(Case("vanilla", 6), "rtrl", 3);
  EXPECT_FALSE(run.Measure(kNoUnits).norm.has_value());
  Played wide(Case("lru", 300), "rtrl", 3);
  EXPECT_FALSE(wide.Measure(kAllUnits).norm.has_value());  // 600 rows
  EXPECT_TRUE(wide.Measure(1).norm.has_value());
}

TEST(Sensitivities, ThatAreNotFiniteAreAbsent) {
  Played run(Case("vanilla", 4), "rtrl", 3);
  run.state[5] = std::nan("");
  EXPECT_FALSE(run.Measure(kAllUnits).norm.has_value());
}

TEST(SelfPropagation, IsTheDiagonalOfTheForwardProductsOfEveryCell) {
  for (const CellCase& one : CellCases()) {
    SCOPED_TRACE(one.label);
    const CellPoint point(one);
    const Vector x = CellPoint::Input(9);
    const CellStep<double> step = point.Step({.dense = x.data()});
    const auto count = static_cast<std::size_t>(point.cell().components());
    Vector scratch = point.Scratch(), tangent(count), after(count);
    double mean = 0, mean_absolute = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::fill(tangent.begin(), tangent.end(), 0.0);
      tangent[i] = 1;
      point.cell().ForwardState(point.theta().data(), step, tangent.data(), scratch.data(),
                                after.data());
      mean += after[i] / static_cast<double>(count);
      mean_absolute += std::abs(after[i]) / static_cast<double>(count);
    }
    const Diagonal diagonal =
        SelfPropagation<double>(point.cell()).Measure(point.theta().data(), step);
    EXPECT_NEAR(diagonal.mean, mean, 1e-13);
    EXPECT_NEAR(diagonal.mean_absolute, mean_absolute, 1e-13);
    EXPECT_GT(mean_absolute, 1e-3);
  }
}

TEST(SelfPropagation, OfALeakyUnitIsWhatTheLeakLeavesAndItsOwnWeight) {
  const CellPoint point(Case("vanilla", 1, {{"leak", 0.3}}));
  const Vector x = CellPoint::Input(9);
  const CellStep<double> step = point.Step({.dense = x.data()});
  const double h = (step.state()[0] - 0.7 * point.previous()[0]) / 0.3;  // tanh
  const double expected = 0.7 + 0.3 * (1 - h * h) * point.theta()[0];
  EXPECT_NEAR(SelfPropagation<double>(point.cell()).Measure(point.theta().data(), step).mean,
              expected, 1e-13);
}

// Advice on figures that give none by themselves.
struct Advised {
  PartSpec cell = Resolved("vanilla", {{"units", std::int64_t{4}}});
  PartSpec rule = ResolvePart("rule", {"immediate", {}}, "").value();
  PartSpec optimizer = ResolvePart("optimizer", {"sgd", {}}, "").value();
  bool second_moment = false;
  Diagnostics figures = {.samples = 20, .gradient_ratio = 0.7, .exact_cosine = 0.4};
  std::optional<double> growth = 2;

  std::vector<std::string> Codes() const {
    std::vector<std::string> codes;
    for (const Advice& one : AdviceOn({cell, rule, optimizer, second_moment, figures, growth})) {
      codes.push_back(one.code);
      EXPECT_GT(one.sentence.size(), 40u);
    }
    return codes;
  }
};

TEST(AdviceTest, IsNotGivenOnFiguresAsReplicated) { EXPECT_TRUE(Advised().Codes().empty()); }

TEST(AdviceTest, SaysThatOneRateCannotServeASmallRecurrentGradientAndThatThisIsAHypothesis) {
  Advised of;
  of.figures.gradient_ratio = 0.011;
  EXPECT_EQ(of.Codes(), std::vector<std::string>{kSmallRecurrentGradient});
  const std::string sentence =
      AdviceOn({of.cell, of.rule, of.optimizer, false, of.figures, {}})[0].sentence;
  EXPECT_NE(sentence.find("0.011 of the readout's"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("'sgd'"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("hypothesis"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("did not confirm"), std::string::npos) << sentence;

  Advised second_moment = of;
  second_moment.second_moment = true;
  EXPECT_TRUE(second_moment.Codes().empty());
  Advised early = of;
  early.figures.samples = kFewestSamples - 1;
  EXPECT_TRUE(early.Codes().empty());
  Advised own_rate = of;
  own_rate.optimizer.settings["rate_recurrent"] = 0.1;
  EXPECT_TRUE(own_rate.Codes().empty());
  Advised absent = of;
  absent.figures.gradient_ratio.reset();
  EXPECT_TRUE(absent.Codes().empty());
}

TEST(AdviceTest, WarnsOfALongTraceUnderAdamFromTheStart) {
  Advised of;
  of.figures = {};
  of.rule.settings["decay"] = 0.95;
  EXPECT_TRUE(of.Codes().empty());
  of.optimizer = ResolvePart("optimizer", {"adam", {}}, "").value();
  of.second_moment = true;
  EXPECT_EQ(of.Codes(), std::vector<std::string>{kTraceUnderAdam});
  of.rule.settings["decay"] = 0.7;
  EXPECT_TRUE(of.Codes().empty());
}

TEST(AdviceTest, SaysWhereTheGradientHasLittleToDoWithTheExactOne) {
  Advised of;
  of.figures.exact_cosine = 0.05;
  EXPECT_EQ(of.Codes(), std::vector<std::string>{kLowCosine});
  of.figures.samples = kFewestSamples - 1;
  EXPECT_TRUE(of.Codes().empty());
}

TEST(AdviceTest, SaysWhereSensitivitiesExplode) {
  Advised of;
  of.growth = 1000;
  EXPECT_EQ(of.Codes(), std::vector<std::string>{kGrowingSensitivities});
}

ModelSpec Spec(std::int64_t units, const std::string& rule) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{3}}}};
  spec.cell = {"vanilla", {{"units", units}}};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  spec.rule = {rule, {}};
  spec.monitor = {"standard", {{"exact_cosine", true}}};
  return spec;
}

std::string RefusalOf(const ModelSpec& spec) {
  const absl::StatusOr<ModelSpec> resolved = Resolve(spec);
  if (resolved.ok()) return "";
  EXPECT_EQ(ReasonOf(resolved.status()), kBadSpec);
  return std::string(resolved.status().message());
}

TEST(DiagnosticsSettings, RefuseAnExactRuleBesideTheFrozenOne) {
  EXPECT_EQ(RefusalOf(Spec(8, "immediate")), "");
  EXPECT_EQ(RefusalOf(Spec(8, "frozen")),
            "setting 'exact_cosine' of monitor 'standard' is set and the rule is 'frozen', which "
            "has no gradient to compare; leave exact_cosine out, or use a rule that learns");
}

TEST(DiagnosticsSettings, RefuseAnExactRuleThatIsTooLarge) {
  // n^2 (n + 3 + 1) numbers of 4 or 8 bytes: 64 MiB at 254 and 202 units.
  EXPECT_EQ(RefusalOf(Spec(254, "immediate")), "");
  EXPECT_EQ(RefusalOf(Spec(256, "immediate")),
            "setting 'exact_cosine' of monitor 'standard' is set; the exact rule of cell 'vanilla' "
            "takes 68157440 bytes a stream beside the stream's own; expected at most 67108864; "
            "leave it out, or compare at fewer units");
  ModelSpec wide = Spec(202, "immediate");
  EXPECT_EQ(RefusalOf(wide), "");
  wide = Spec(204, "immediate");
  wide.number_type = NumberType::kFloat64;
  EXPECT_NE(RefusalOf(wide), "");
}

}  // namespace
}  // namespace millrace::engine
