// Gradients, read off the weights: plain gradient descent of rate 1 without a clip moves them by
// exactly the gradient. Against the reference, and against central differences of the engine's own
// loss, which go through snapshots whose weights were moved.
#include <functional>
#include <map>

#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/one_gradient.h"

namespace millrace::conformance {
namespace {

std::vector<engine::ModelSpec> EveryCellRuleHeadAndLoss() {
  std::vector<engine::ModelSpec> specs;
  for (const Variant& cell : VariantsOf("cell")) {
    for (const Variant& rule : VariantsOf("rule")) {
      for (const Variant& head : VariantsOf("head")) {
        for (const Variant& loss : VariantsOf("loss")) {
          engine::ModelSpec spec = BaseSpec();
          spec.cell = cell.part;
          spec.rule = rule.part;
          spec.head = head.part;
          spec.loss = loss.part;
          specs.push_back(spec);
        }
      }
    }
  }
  return specs;
}

std::string Name(const engine::ModelSpec& spec) {
  return engine::CanonicalText(MakeModel(spec)->spec());
}

TEST(Gradients, EveryCellRuleHeadAndLossAgreesWithTheReference) {
  for (const engine::ModelSpec& spec : EveryCellRuleHeadAndLoss()) {
    SCOPED_TRACE(Name(spec));
    const OneGradient one(spec, 5);
    if (spec.rule.name == "frozen") {
      for (const double entry : one.Gradient()) EXPECT_EQ(entry, 0);
    } else {
      EXPECT_LT(Distance(one.Gradient(), one.ReferenceGradient()), 1e-12);
    }
  }
}

TEST(Gradients, BytesAgreeWithTheReference) {
  for (const Variant& rule : VariantsOf("rule")) {
    if (rule.part.name == "frozen") continue;
    engine::ModelSpec spec = BaseSpec();
    spec.input = {"bytes", {}};
    spec.loss = {"cross_entropy", {}};
    spec.rule = rule.part;
    SCOPED_TRACE(Name(spec));
    const OneGradient one(spec, 5);
    EXPECT_LT(Distance(one.Gradient(), one.ReferenceGradient()), 1e-12);
  }
}

// What a rule is the derivative of, and for which weights.
struct Claim {
  bool whole_history = false;
  // Recurrent weights for which theory says so; null: for all.
  std::function<double(int, int, double)> recurrent;
  // Settings under which it holds.
  engine::Settings settings;
};

double Diagonal(int i, int j, double weight) { return i == j ? 0.9 * weight : 0; }
double Zero(int, int, double) { return 0; }

// The readout's gradient is exact under every rule and is checked with them.
const std::map<std::string, Claim> kClaims = {{"immediate", {false, nullptr, {}}},
                                              {"snap1", {true, Diagonal, {}}},
                                              {"rflo", {true, Zero, {}}}};

TEST(Gradients, WhereARuleIsADerivativeItAgreesWithCentralDifferences) {
  for (const engine::PartDescription& rule : engine::DescribeParts("rule")) {
    if (rule.name == "frozen") continue;
    const auto claim = kClaims.find(rule.name);
    ASSERT_TRUE(claim != kClaims.end())
        << "rule '" << rule.name << "' is in the engine's list; say in kClaims of "
        << "tests/conformance/gradients_test.cc what it is the derivative of";
    for (engine::ModelSpec spec : EveryCellRuleHeadAndLoss()) {
      spec.rule = {rule.name, claim->second.settings};
      if (spec.loss.settings.count("balance_classes") > 0) continue;
      SCOPED_TRACE(Name(spec));
      OneGradient one(spec, 5);
      if (claim->second.recurrent) one.ChangeRecurrent(claim->second.recurrent);
      EXPECT_LT(Distance(one.Gradient(), one.Differences(claim->second.whole_history)), 1e-7);
    }
  }
}

TEST(Gradients, ARuleThatIsNotExactIsNotTheDerivativeForAllWeights) {
  // Shows that the check above can fail: with recurrent weights these are approximations.
  for (const char* const rule : {"immediate", "snap1", "rflo"}) {
    engine::ModelSpec spec = BaseSpec();
    spec.rule = {rule, {}};
    const OneGradient one(spec, 5);
    EXPECT_GT(Distance(one.Gradient(), one.Differences(true)), 1e-3) << rule;
  }
}

}  // namespace
}  // namespace millrace::conformance
