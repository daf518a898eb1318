// Gradients, read off the weights: plain gradient descent of rate 1 without a clip moves them by
// exactly the gradient. Against the reference, and against central differences of the engine's own
// loss, which go through snapshots whose weights were moved.
#include <cmath>
#include <functional>
#include <map>

#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

using reference::Vector;

constexpr int kHistory = 12;

// Float64, gradient descent of rate 1, no clip; only the last step of the script has a target.
class OneGradient {
 public:
  OneGradient(const engine::ModelSpec& base, std::uint64_t seed) {
    engine::ModelSpec spec = base;
    spec.number_type = engine::NumberType::kFloat64;
    spec.optimizer = {"sgd", {{"rate", 1.0}}};
    spec.guard = {"standard", {{"clip_norm", 0.0}}};
    model_ = MakeModel(spec);
    script_ = MakeScript(*model_, seed, kHistory);
    for (int t = 0; t < kHistory; ++t) {
      ScriptStep& step = script_.steps[static_cast<std::size_t>(t)];
      step.skip = step.reset_before = step.score_only = false;
      if (!script_.bytes && step.x.empty())
        step.x.assign(static_cast<std::size_t>(script_.inputs), 0.3F);
      step.form = TargetForm::kNone;
    }
    ScriptStep& last = script_.steps.back();
    last.weight = 1;
    if (model_->classification()) {
      last.form = TargetForm::kClass;
      last.label = 1;
    } else {
      last.form = TargetForm::kValues;
      last.values.clear();
      for (int k = 0; k < script_.outputs; ++k) {
        last.values.push_back(0.7F * static_cast<float>(k) - 0.4F);
      }
    }
    start_ = OpenStream(model_)->Save();
  }

  const engine::Model& model() const { return *model_; }
  const reference::Shape Shape() const { return DesignOf(*model_, start_)->shape; }

  Vector StartWeights() const {
    return ToReference(Shape(), TensorValues(start_, "learner.weights"));
  }
  void SetStartWeights(const Vector& weights) {
    SetTensor("learner.weights", ToEngine(Shape(), weights), &start_);
  }

  // Of the engine.
  Vector Gradient() const {
    const engine::Snapshot before = After(start_, 0, kHistory - 1);
    const Vector from = TensorValues(before, "learner.weights");
    const Vector to = TensorValues(After(before, kHistory - 1, kHistory), "learner.weights");
    Vector gradient(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) gradient[i] = from[i] - to[i];
    return ToReference(Shape(), gradient);
  }

  Vector ReferenceGradient() const {
    const absl::StatusOr<reference::Design> design = DesignOf(*model_, start_);
    EXPECT_TRUE(design.ok()) << design.status();
    reference::Stream stream(*design, StartWeights());
    Vector outputs;
    PlayOnReference(script_, 0, kHistory - 1, false, &stream, &outputs);
    const Vector from = stream.learner().weights();
    PlayOnReference(script_, kHistory - 1, kHistory, false, &stream, &outputs);
    Vector gradient(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      gradient[i] = from[i] - stream.learner().weights()[i];
    }
    return gradient;
  }

  // d loss / d weights by central differences. Whole history: the weights are moved before the
  // first step; else before the last one, with the hidden state of the weights as they were.
  Vector Differences(bool whole_history) const {
    const engine::Snapshot from = whole_history ? start_ : After(start_, 0, kHistory - 1);
    const Vector weights = TensorValues(from, "learner.weights");
    Vector gradient(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double step = 1e-5;
      gradient[i] = (LossWith(from, weights, i, step, whole_history) -
                     LossWith(from, weights, i, -step, whole_history)) /
                    (2 * step);
    }
    return ToReference(Shape(), gradient);
  }

 private:
  engine::Snapshot After(const engine::Snapshot& snapshot, int from, int to) const {
    const std::unique_ptr<engine::Stream> stream = LoadStream(model_, snapshot);
    Player player(&script_, stream.get());
    player.Observe(from, to, 0);
    return stream->Save();
  }

  double LossWith(engine::Snapshot snapshot, Vector weights, std::size_t place, double step,
                  bool whole_history) const {
    weights[place] += step;
    SetTensor("learner.weights", weights, &snapshot);
    const std::unique_ptr<engine::Stream> stream = LoadStream(model_, snapshot);
    Player player(&script_, stream.get());
    player.Observe(whole_history ? 0 : kHistory - 1, kHistory, 0);
    // The only scored step, in double precision.
    return stream->Stats().mean_loss.value();
  }

  std::shared_ptr<const engine::Model> model_;
  Script script_;
  engine::Snapshot start_;
};

// The largest difference, relative to the largest entry.
double Distance(const Vector& a, const Vector& b) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    size = std::max(size, std::abs(b[i]));
  }
  return difference / size;
}

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
      Vector weights = one.StartWeights();
      const reference::Shape shape = one.Shape();
      for (int i = 0; claim->second.recurrent && i < shape.units; ++i) {
        for (int j = 0; j < shape.units; ++j) {
          double& weight = weights[static_cast<std::size_t>(shape.W(i, j))];
          weight = claim->second.recurrent(i, j, weight);
        }
      }
      one.SetStartWeights(weights);
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
