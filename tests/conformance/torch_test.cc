// A second oracle: LibTorch's autograd over the whole history with parameters held, and its
// optimizers. Independent of the reference, which it checks as well.
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <map>

#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/one_gradient.h"
#include "tests/reference/learner.h"
#include "tests/reference/optimizer.h"

namespace millrace::conformance {
namespace {

using reference::Vector;

torch::Tensor Row(const Vector& values) { return torch::tensor(values, torch::kFloat64); }

Vector Values(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().contiguous().flatten();
  return Vector(flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
}

// The network's weights as leaves of a graph, cut from the reference's order.
struct Network {
  Network(const reference::Shape& shape, const Vector& weights) : shape(shape) {
    const torch::Tensor all = Row(weights);
    const auto take = [&](int from, int rows, int columns) {
      torch::Tensor part = all.slice(0, from, from + rows * columns).clone();
      if (columns > 1 || rows > 1) part = part.reshape({rows, columns});
      return part.set_requires_grad(true);
    };
    const int n = shape.units;
    w = take(shape.W(0, 0), n, n);
    u = take(shape.U(0, 0), n, shape.inputs);
    b = take(shape.B(0), 1, n);
    v = take(shape.V(0, 0), shape.outputs, n);
    if (shape.head_bias) c = take(shape.C(0), 1, shape.outputs);
  }

  torch::Tensor Step(const torch::Tensor& h, const torch::Tensor& x, double leak) const {
    const torch::Tensor a = torch::mv(w, h) + torch::mv(u, x) + b.flatten();
    return (1 - leak) * h + leak * torch::tanh(a);
  }
  torch::Tensor Outputs(const torch::Tensor& h) const {
    const torch::Tensor y = torch::mv(v, h);
    return c.defined() ? y + c.flatten() : y;
  }
  Vector Gradient() const {
    Vector gradient;
    for (const torch::Tensor& leaf : {w, u, b, v, c}) {
      if (!leaf.defined()) continue;
      const Vector part = leaf.grad().defined() ? Values(leaf.grad())
                                                : Vector(static_cast<std::size_t>(leaf.numel()));
      gradient.insert(gradient.end(), part.begin(), part.end());
    }
    return gradient;
  }

  reference::Shape shape;
  torch::Tensor w, u, b, v, c;
};

// Of the last step's loss; the history before it belongs to the graph or is cut off.
Vector AutogradGradient(const OneGradient& one, bool whole_history) {
  const Network network(one.Shape(), one.StartWeights());
  const double leak = one.model().spec().cell.Number("leak");
  torch::Tensor h = torch::zeros({one.Shape().units}, torch::kFloat64);
  const std::vector<ScriptStep>& steps = one.script().steps;
  for (std::size_t t = 0; t < steps.size(); ++t) {
    if (t + 1 == steps.size() && !whole_history) h = h.detach();
    h = network.Step(h, Row(Vector(steps[t].x.begin(), steps[t].x.end())), leak);
  }
  const torch::Tensor y = network.Outputs(h);
  const ScriptStep& last = steps.back();
  const torch::Tensor loss =
      one.model().classification()
          ? torch::nn::functional::cross_entropy(y.unsqueeze(0),
                                                 torch::tensor({last.label}).to(torch::kLong))
          : torch::nn::functional::mse_loss(y, Row(Vector(last.values.begin(), last.values.end())));
  loss.backward();
  return network.Gradient();
}

// For which recurrent weights a rule is what derivative; see gradients_test.cc.
struct Claim {
  bool whole_history;
  double diagonal, other;  // factors on the recurrent weights
};
const std::map<std::string, Claim> kClaims = {
    {"immediate", {false, 1, 1}}, {"snap1", {true, 0.9, 0}}, {"rflo", {true, 0, 0}}};

TEST(Autograd, AgreesWithEveryRuleWhereItIsExact) {
  for (const engine::PartDescription& rule : engine::DescribeParts("rule")) {
    if (rule.name == "frozen") continue;
    const auto claim = kClaims.find(rule.name);
    ASSERT_TRUE(claim != kClaims.end())
        << "say in kClaims of tests/conformance/torch_test.cc where '" << rule.name << "' is exact";
    for (const char* const loss : {"mean_squared_error", "cross_entropy"}) {
      for (const double leak : {1.0, 0.4}) {
        engine::ModelSpec spec = BaseSpec();
        spec.rule = {rule.name, {}};
        spec.loss = {loss, {}};
        spec.cell.settings["leak"] = leak;
        SCOPED_TRACE(rule.name + " " + loss);
        OneGradient one(spec, 5);
        one.ChangeRecurrent([&](int i, int j, double weight) {
          return weight * (i == j ? claim->second.diagonal : claim->second.other);
        });
        EXPECT_LT(Distance(one.Gradient(), AutogradGradient(one, claim->second.whole_history)),
                  1e-13);
      }
    }
  }
}

TEST(Autograd, AgreesWithTheReferencesFullRecurrence) {
  engine::ModelSpec spec = BaseSpec();
  const OneGradient one(spec, 5);
  reference::Design design;
  design.shape = one.Shape();
  design.leak = 0.5;
  design.input.size = design.shape.inputs;
  design.rule.kind = reference::RuleKind::kRtrl;
  reference::Learner learner(design, one.StartWeights());
  reference::Record record;
  for (const ScriptStep& step : one.script().steps) {
    record.taken = {Vector(step.x.begin(), step.x.end()), std::vector<bool>(step.x.size(), true)};
    record.target = TargetOf(one.script(), step);
    if (!record.target.has_value()) learner.Step(record, false);
  }
  EXPECT_LT(Distance(learner.GradientOf(record), AutogradGradient(one, true)), 1e-13);
}

TEST(Autograd, LocalDerivativesOfTheCellAreThoseOfTheReference) {
  const OneGradient one(BaseSpec(), 5);
  const reference::Shape shape = one.Shape();
  const Network network(shape, one.StartWeights());
  const Vector h_prev{0.1, -0.2, 0.3, 0.4, -0.5, 0.6};
  const Vector x{1, -1, 0.5, 2};
  const torch::Tensor h = Row(h_prev).set_requires_grad(true);
  const torch::Tensor next = network.Step(h, Row(x), 0.5);
  const reference::CellResult step = reference::StepCell(shape, one.StartWeights(), 0.5, h_prev, x);
  for (int i = 0; i < shape.units; ++i) {
    const Vector row = Values(torch::autograd::grad({next[i]}, {h}, {}, true)[0]);
    const Vector bias = Values(torch::autograd::grad({next[i]}, {network.b}, {}, true)[0]);
    EXPECT_NEAR(bias[i], step.slope[i], 1e-15);
    for (int j = 0; j < shape.units; ++j) {
      const double jacobian =
          (i == j ? 0.5 : 0.0) + step.slope[i] * one.StartWeights()[shape.W(i, j)];
      EXPECT_NEAR(row[j], jacobian, 1e-15);
    }
  }
}

// Weights after the same gradients through the reference's optimizer and through LibTorch's.
void ExpectSameUpdates(const reference::OptimizerSetup& setup, torch::optim::Optimizer* optimizer,
                       torch::Tensor theta) {
  const reference::Shape shape{1, 2, 2, true};
  reference::Optimizer ours(setup, shape);
  Vector weights = Values(theta);
  for (int step = 0; step < 50; ++step) {
    Vector gradient(weights.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] = std::sin(1.3 * step + static_cast<double>(i));
    }
    ours.Update(gradient, std::vector<bool>(weights.size(), true), &weights);
    theta.mutable_grad() = Row(gradient);
    optimizer->step();
  }
  EXPECT_LT(Distance(weights, Values(theta)), 1e-13);
}

torch::Tensor Theta() { return Row({1, -1, 0.5, 2, -0.3, 0.7, 0.1, -0.9}).set_requires_grad(true); }

reference::OptimizerSetup OfKind(reference::OptimizerKind kind) {
  reference::OptimizerSetup setup;
  setup.kind = kind;
  setup.rates.fill(0.01);
  return setup;
}

TEST(TorchOptimizers, SgdWithMomentumIsTheReferences) {
  reference::OptimizerSetup setup = OfKind(reference::OptimizerKind::kSgd);
  setup.momentum = 0.8;
  const torch::Tensor theta = Theta();
  torch::optim::SGD sgd({theta}, torch::optim::SGDOptions(0.01).momentum(0.8));
  ExpectSameUpdates(setup, &sgd, theta);
}

TEST(TorchOptimizers, RmspropUncorrectedIsTheReferences) {
  reference::OptimizerSetup setup = OfKind(reference::OptimizerKind::kRmsprop);
  setup.uncorrected = true;
  const torch::Tensor theta = Theta();
  torch::optim::RMSprop rmsprop({theta}, torch::optim::RMSpropOptions(0.01).alpha(0.99).eps(1e-8));
  ExpectSameUpdates(setup, &rmsprop, theta);
}

TEST(TorchOptimizers, AdamIsTheReferences) {
  reference::OptimizerSetup setup = OfKind(reference::OptimizerKind::kAdam);
  setup.beta2 = 0.999;
  const torch::Tensor theta = Theta();
  torch::optim::Adam adam({theta}, torch::optim::AdamOptions(0.01));
  ExpectSameUpdates(setup, &adam, theta);
}

TEST(TorchOptimizers, AdamwIsTheReferences) {
  reference::OptimizerSetup setup = OfKind(reference::OptimizerKind::kAdamw);
  setup.beta2 = 0.999;
  setup.weight_decay = 0.05;
  const torch::Tensor theta = Theta();
  torch::optim::AdamW adamw({theta}, torch::optim::AdamWOptions(0.01).weight_decay(0.05));
  ExpectSameUpdates(setup, &adamw, theta);
}

}  // namespace
}  // namespace millrace::conformance
