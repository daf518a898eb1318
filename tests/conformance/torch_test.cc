// A second oracle: LibTorch's autograd over the whole history with parameters held, and its
// optimizers. Independent of the reference, which it checks as well.
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/one_gradient.h"
#include "tests/reference/descent.h"
#include "tests/reference/online_learner.h"

namespace millrace::conformance {
namespace {

using reference::Vector;

torch::Tensor Row(const Vector& values) { return torch::tensor(values, torch::kFloat64); }

Vector Values(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().contiguous().flatten();
  return Vector(flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
}

// The weights of a vanilla cell and a linear readout as leaves of a graph, [from, to] each.
struct Network {
  Network(const reference::Layout& layout, const Vector& weights) {
    const torch::Tensor all = Row(weights);
    for (const reference::Block& block : layout.blocks()) {
      leaves.push_back(all.slice(0, block.offset, block.offset + block.Size())
                           .clone()
                           .reshape({block.rows, block.width})
                           .set_requires_grad(true));
    }
  }

  torch::Tensor Step(const torch::Tensor& h, const torch::Tensor& x, double leak) const {
    const torch::Tensor a =
        torch::matmul(h, leaves[0]) + torch::matmul(x, leaves[1]) + leaves[2].flatten();
    return (1 - leak) * h + leak * torch::tanh(a);
  }
  torch::Tensor Outputs(const torch::Tensor& h) const {
    return torch::matmul(h, leaves[3]) + leaves[4].flatten();
  }
  Vector Gradient() const {
    Vector gradient;
    for (const torch::Tensor& leaf : leaves) {
      const Vector part = leaf.grad().defined() ? Values(leaf.grad())
                                                : Vector(static_cast<std::size_t>(leaf.numel()));
      gradient.insert(gradient.end(), part.begin(), part.end());
    }
    return gradient;
  }

  std::vector<torch::Tensor> leaves;  // recurrent, input, bias, readout, readout_bias
};

// Of the last step's loss; the history before it belongs to the graph or is cut off.
Vector AutogradGradient(const OneGradient& one, bool whole_history) {
  const Network network(one.Layout(), one.StartWeights());
  const double leak = one.model().spec().cell.Number("leak");
  torch::Tensor h = torch::zeros({one.Layout().Find("bias").width}, torch::kFloat64);
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

// For which recurrent weights and settings a rule is what derivative; see gradients_test.cc.
struct Claim {
  bool whole_history;
  double diagonal, other;  // factors on the recurrent weights
  engine::Settings settings = {};
};
const std::map<std::string, Claim> kClaims = {
    {"immediate", {false, 1, 1}},
    {"snap1", {true, 0.9, 0}},
    {"rflo", {true, 0, 0}},
    {"rtrl", {true, 1, 1}},
    {"sparse_rtrl", {true, 1, 1, {{"mask", "dynamic"}, {"k", std::int64_t{5}}}}},
    {"tbptt", {true, 1, 1, {{"window", std::int64_t{OneGradient::kHistory}}}}}};
// Exact only on average.
const std::set<std::string> kUnbiased = {"uoro", "kf_rtrl"};

TEST(Autograd, AgreesWithEveryRuleWhereItIsExact) {
  for (const engine::PartDescription& rule : engine::DescribeParts("rule")) {
    if (rule.name == "frozen" || kUnbiased.count(rule.name) > 0) continue;
    const auto claim = kClaims.find(rule.name);
    ASSERT_TRUE(claim != kClaims.end())
        << "say in kClaims of tests/conformance/torch_test.cc where '" << rule.name << "' is exact";
    for (const char* const loss : {"mean_squared_error", "cross_entropy"}) {
      for (const double leak : {1.0, 0.4}) {
        engine::ModelSpec spec = BaseSpec();
        spec.rule = {rule.name, claim->second.settings};
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
  spec.rule = {"rtrl", {}};
  const OneGradient one(spec, 5);
  reference::OnlineLearner learner(*SpecificationOf(one.model(), one.Start()), one.StartWeights());
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
  const Network network(one.Layout(), one.StartWeights());
  const Vector h_prev{0.1, -0.2, 0.3, 0.4, -0.5, 0.6};
  const Vector x{1, -1, 0.5, 2};
  const torch::Tensor h = Row(h_prev).set_requires_grad(true);
  const torch::Tensor next = network.Step(h, Row(x), 0.5);
  const reference::RecurrentNetwork same(*SpecificationOf(one.model(), one.Start()));
  const reference::Local local =
      same.cell().Derive(same.CellWeights(one.StartWeights()), h_prev, x);
  const reference::Block bias = one.Layout().Find("bias");
  for (int i = 0; i < bias.width; ++i) {
    const Vector row = Values(torch::autograd::grad({next[i]}, {h}, {}, true)[0]);
    const Vector slopes =
        Values(torch::autograd::grad({next[i]}, {network.leaves[2]}, {}, true)[0]);
    for (int j = 0; j < bias.width; ++j) {
      EXPECT_NEAR(slopes[static_cast<std::size_t>(j)], local.immediate(i, bias.Place(0, j)), 1e-15);
      EXPECT_NEAR(row[static_cast<std::size_t>(j)], local.carry(i, j) + local.recurrent(i, j),
                  1e-15);
    }
  }
}

// Weights after the same gradients through the reference's optimizer and through LibTorch's.
void ExpectSameUpdates(const reference::Part& part, torch::optim::Optimizer* optimizer,
                       torch::Tensor theta) {
  reference::Layout layout;
  layout.Add("weights", "input", 2, 4);
  reference::Descent ours(part, layout);
  Vector weights = Values(theta);
  for (int step = 0; step < 50; ++step) {
    Vector gradient(weights.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] = std::sin(1.3 * step + static_cast<double>(i));
    }
    ours.Update(gradient, std::vector<bool>(weights.size(), true), {1.0}, &weights);
    theta.mutable_grad() = Row(gradient);
    optimizer->step();
  }
  EXPECT_LT(Distance(weights, Values(theta)), 1e-13);
}

torch::Tensor Theta() { return Row({1, -1, 0.5, 2, -0.3, 0.7, 0.1, -0.9}).set_requires_grad(true); }

TEST(TorchOptimizers, SgdWithMomentumIsTheReferences) {
  const torch::Tensor theta = Theta();
  torch::optim::SGD sgd({theta}, torch::optim::SGDOptions(0.01).momentum(0.8));
  ExpectSameUpdates({"sgd", {{"rate", 0.01}, {"momentum", 0.8}}, {}}, &sgd, theta);
}

TEST(TorchOptimizers, RmspropUncorrectedIsTheReferences) {
  const torch::Tensor theta = Theta();
  torch::optim::RMSprop rmsprop({theta}, torch::optim::RMSpropOptions(0.01).alpha(0.99).eps(1e-8));
  ExpectSameUpdates({"rmsprop", {{"rate", 0.01}, {"beta2", 0.99}, {"uncorrected", 1}}, {}},
                    &rmsprop, theta);
}

TEST(TorchOptimizers, AdamIsTheReferences) {
  const torch::Tensor theta = Theta();
  torch::optim::Adam adam({theta}, torch::optim::AdamOptions(0.01));
  ExpectSameUpdates({"adam", {{"rate", 0.01}, {"beta2", 0.999}}, {}}, &adam, theta);
}

TEST(TorchOptimizers, AdamwIsTheReferences) {
  const torch::Tensor theta = Theta();
  torch::optim::AdamW adamw({theta}, torch::optim::AdamWOptions(0.01).weight_decay(0.05));
  ExpectSameUpdates({"adamw", {{"rate", 0.01}, {"beta2", 0.999}, {"weight_decay", 0.05}}, {}},
                    &adamw, theta);
}

}  // namespace
}  // namespace millrace::conformance
