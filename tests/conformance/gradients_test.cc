// Gradients, read off the weights: plain gradient descent of rate 1 without a clip moves them by
// exactly the gradient. Against the reference, and against central differences of the engine's own
// loss, which go through snapshots whose weights were moved.
#include <functional>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/one_gradient.h"

namespace millrace::conformance {
namespace {

// Those of the specifications that the engine accepts.
void AddIfAccepted(const engine::ModelSpec& spec, std::vector<engine::ModelSpec>* specs) {
  if (engine::Resolve(spec).ok()) specs->push_back(spec);
}

std::vector<engine::ModelSpec> EveryCellAndRule(const std::vector<Variant>& rules) {
  std::vector<engine::ModelSpec> specs;
  for (const Variant& cell : VariantsOf("cell")) {
    for (const Variant& rule : rules) {
      engine::ModelSpec spec = BaseSpec();
      spec.cell = cell.part;
      spec.rule = rule.part;
      AddIfAccepted(spec, &specs);
    }
  }
  return specs;
}

std::vector<engine::ModelSpec> EveryHeadAndLoss() {
  std::vector<engine::ModelSpec> specs;
  for (const Variant& head : VariantsOf("head")) {
    for (const Variant& loss : VariantsOf("loss")) {
      engine::ModelSpec spec = BaseSpec();
      spec.rule = {"snap1", {}};
      spec.head = head.part;
      spec.loss = loss.part;
      AddIfAccepted(spec, &specs);
    }
  }
  return specs;
}

std::string Name(const engine::ModelSpec& spec) {
  return engine::CanonicalText(MakeModel(spec)->spec());
}

void ExpectTheReferencesGradient(const engine::ModelSpec& spec) {
  SCOPED_TRACE(Name(spec));
  const OneGradient one(spec, 5);
  if (spec.rule.name == "frozen") {
    for (const double entry : one.Gradient()) EXPECT_EQ(entry, 0);
  } else {
    EXPECT_LT(Distance(one.Gradient(), one.ReferenceGradient()), 1e-12);
  }
}

TEST(Gradients, EveryCellAndRuleAgreesWithTheReference) {
  for (const engine::ModelSpec& spec : EveryCellAndRule(VariantsOf("rule"))) {
    ExpectTheReferencesGradient(spec);
  }
}

TEST(Gradients, EveryHeadAndLossAgreesWithTheReference) {
  for (const engine::ModelSpec& spec : EveryHeadAndLoss()) ExpectTheReferencesGradient(spec);
}

TEST(Gradients, BytesAgreeWithTheReference) {
  for (const Variant& cell : VariantsOf("cell")) {
    for (const char* const rule : {"immediate", "rtrl"}) {
      engine::ModelSpec spec = BaseSpec();
      spec.input = {"bytes", {}};
      spec.loss = {"cross_entropy", {}};
      spec.cell = cell.part;
      spec.cell.settings["units"] = std::int64_t{2};
      spec.rule = {rule, {}};
      if (!engine::Resolve(spec).ok()) continue;
      ExpectTheReferencesGradient(spec);
    }
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

// The readout's gradient is exact under every rule and is checked with them. Rules that are exact
// only on average have a test of their own.
const std::map<std::string, Claim> kClaims = {
    {"immediate", {false, nullptr, {}}},
    {"snap1", {true, Diagonal, {}}},
    {"rflo", {true, Zero, {}}},
    {"rtrl", {true, nullptr, {}}},
    {"sparse_rtrl", {true, nullptr, {{"mask", "dynamic"}, {"k", std::int64_t{5}}}}},
    {"tbptt", {true, nullptr, {{"window", std::int64_t{OneGradient::kHistory}}}}}};
// Exact only on average.
const std::set<std::string> kUnbiased = {"uoro", "kf_rtrl"};

TEST(Gradients, WhereARuleIsADerivativeItAgreesWithCentralDifferences) {
  for (const engine::PartDescription& rule : engine::DescribeParts("rule")) {
    if (rule.name == "frozen" || kUnbiased.count(rule.name) > 0) continue;
    const auto claim = kClaims.find(rule.name);
    ASSERT_TRUE(claim != kClaims.end())
        << "rule '" << rule.name << "' is in the engine's list; say in kClaims of "
        << "tests/conformance/gradients_test.cc what it is the derivative of";
    const Variant claimed{rule.name, {rule.name, claim->second.settings}};
    for (const engine::ModelSpec& spec : EveryCellAndRule({claimed})) {
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
