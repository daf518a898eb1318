#include "tests/reference/learner.h"

#include <algorithm>
#include <cmath>

namespace millrace::reference {
namespace {

// Under these, a byte's other columns have gradient 0 and nothing that goes on moving them.
bool OnlyTheByteMoves(const Design& design) {
  const bool no_trace = design.rule.kind == RuleKind::kImmediate && design.rule.decay == 0;
  const bool no_momentum =
      design.optimizer.kind == OptimizerKind::kRmsprop ||
      (design.optimizer.kind == OptimizerKind::kSgd && design.optimizer.momentum == 0);
  return design.input.bytes && no_trace && no_momentum;
}

}  // namespace

LossResult LossOf(LossKind kind, const Vector& y, const Target& target) {
  return kind == LossKind::kSquaredError ? SquaredError(y, target.values)
                                         : CrossEntropy(y, target.values);
}

Learner::Learner(const Design& design, const Vector& weights)
    : design_(design),
      weights_(weights),
      hidden_(design.shape.units),
      rule_(design.rule, design.shape, design.leak),
      optimizer_(design.optimizer, design.shape),
      class_counts_(design.shape.outputs) {}

double Learner::CountClass(const Vector& probabilities) {
  if (!design_.balance_classes || design_.loss != LossKind::kCrossEntropy) return 1;
  const double keep = std::exp2(-1 / design_.balance_half_life);
  double mean = 0;
  for (int k = 0; k < design_.shape.outputs; ++k) {
    class_counts_[k] = keep * class_counts_[k] + probabilities[k];
    mean += class_counts_[k] / design_.shape.outputs;
  }
  double weight = 0;
  for (int k = 0; k < design_.shape.outputs; ++k) {
    if (probabilities[k] > 0) weight += probabilities[k] * std::min(4.0, mean / class_counts_[k]);
  }
  return weight;
}

Learner::Pass Learner::Advance(const Record& record) {
  if (record.reset_before) {
    std::fill(hidden_.begin(), hidden_.end(), 0.0);
    rule_.Reset();
  }
  Pass pass;
  pass.cell = StepCell(design_.shape, weights_, design_.leak, hidden_, record.taken.z);
  rule_.Advance(weights_, hidden_, record.taken.z, pass.cell);
  hidden_ = pass.cell.h;
  if (!record.target) return pass;

  const Vector y = Readout(design_.shape, weights_, pass.cell.h);
  pass.loss = LossOf(design_.loss, y, *record.target);
  Vector dz = pass.loss.dz;
  const double weight = record.target->weight * CountClass(record.target->values);
  for (double& value : dz) value *= weight;
  pass.gradient = rule_.Gradient(BackThroughReadout(design_.shape, weights_, dz), dz);
  pass.gradient.resize(design_.shape.Size());
  for (int k = 0; k < design_.shape.outputs; ++k) {
    for (int i = 0; i < design_.shape.units; ++i) {
      pass.gradient[design_.shape.V(k, i)] = dz[k] * pass.cell.h[i];
    }
    if (design_.shape.head_bias) pass.gradient[design_.shape.C(k)] = dz[k];
  }
  return pass;
}

std::vector<bool> Learner::Active(const Record& record, const LossResult& loss) const {
  const Shape& shape = design_.shape;
  std::vector<bool> active(shape.Size());
  for (int place = 0; place < shape.Size(); ++place) {
    active[place] = optimizer_.setup().rates[static_cast<std::size_t>(GroupOf(shape, place))] > 0;
  }
  for (int j = 0; j < shape.inputs; ++j) {
    const bool waits =
        !record.taken.present[j] || (OnlyTheByteMoves(design_) && record.taken.z[j] == 0);
    for (int i = 0; waits && i < shape.units; ++i) active[shape.U(i, j)] = false;
  }
  for (int k = 0; k < shape.outputs; ++k) {
    if (loss.known[k]) continue;
    for (int i = 0; i < shape.units; ++i) active[shape.V(k, i)] = false;
    if (shape.head_bias) active[shape.C(k)] = false;
  }
  return active;
}

void Learner::Step(const Record& record, bool frozen) {
  Pass pass = Advance(record);
  if (!record.target) return;
  const bool learns = design_.rule.kind != RuleKind::kFrozen && !frozen && !record.score_only &&
                      record.target->weight > 0;
  if (!learns) return;
  const std::vector<bool> active = Active(record, pass.loss);
  Clip(design_.shape, design_.clip_norm, design_.clip_per_group, active, &pass.gradient);
  optimizer_.Update(pass.gradient, active, &weights_);
}

void Learner::RoundToFloat32() {
  for (double& weight : weights_) weight = static_cast<float>(weight);
  for (double& h : hidden_) h = static_cast<float>(h);
}

Vector Learner::GradientOf(const Record& record) const {
  Learner copy = *this;
  return copy.Advance(record).gradient;
}

}  // namespace millrace::reference
