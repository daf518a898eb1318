#include "tests/reference/online_learner.h"

#include <algorithm>
#include <cmath>

#include "tests/reference/rules/list.h"

namespace millrace::reference {

OnlineLearner::OnlineLearner(const Specification& specification, const Vector& weights)
    : specification_(specification),
      network_(specification),
      weights_(weights),
      state_(static_cast<std::size_t>(network_.StateSize())),
      head_state_(network_.head().InitialState()),
      rule_(MakeRule(specification.rule, network_.shared_cell(), specification.draws)),
      descent_(specification.optimizer, network_.layout()),
      contexts_(specification.head),
      class_counts_(static_cast<std::size_t>(specification.outputs)) {}

OnlineLearner::OnlineLearner(const OnlineLearner& other)
    : specification_(other.specification_),
      network_(other.network_),
      weights_(other.weights_),
      state_(other.state_),
      head_state_(other.head_state_),
      rule_(other.rule_->Clone()),
      descent_(other.descent_),
      contexts_(other.contexts_),
      class_counts_(other.class_counts_),
      steps_(other.steps_) {}

void OnlineLearner::SetRule(const Part& rule) {
  specification_.rule = rule;
  rule_ = MakeRule(rule, network_.shared_cell(), specification_.draws);
}

double OnlineLearner::CountClass(const Vector& probabilities) {
  const Part& loss = specification_.loss;
  if (loss.name != "cross_entropy" || !loss.Flag("balance_classes", false)) return 1;
  const double keep = std::exp2(-1 / loss.Number("balance_half_life", 2000));
  double mean = 0;
  for (std::size_t k = 0; k < class_counts_.size(); ++k) {
    class_counts_[k] = keep * class_counts_[k] + probabilities[k];
    mean += class_counts_[k] / static_cast<double>(class_counts_.size());
  }
  double weight = 0;
  for (std::size_t k = 0; k < class_counts_.size(); ++k) {
    if (probabilities[k] > 0) weight += probabilities[k] * std::min(4.0, mean / class_counts_[k]);
  }
  return weight;
}

OnlineLearner::Pass OnlineLearner::Advance(const Record& record) {
  if (record.reset_before) {
    std::fill(state_.begin(), state_.end(), 0.0);
    rule_->Reset();
  }
  ++steps_;
  const Vector& z = record.taken.z;
  const Vector cell_weights = network_.CellWeights(weights_);
  const Local local = network_.cell().Derive(cell_weights, state_, z);
  const Vector noise = rule_->NoiseSize() > 0 ? specification_.noise(steps_) : Vector();
  rule_->Advance({cell_weights, state_, z, local, noise});
  state_ = network_.NextOf(local.next, state_, z);
  Pass pass;
  pass.features = network_.Features(state_, z);
  if (record.target) {
    pass.weight = record.target->weight * CountClass(record.target->values);
    Differentiate(record, &pass);
  }
  return pass;
}

void OnlineLearner::Differentiate(const Record& record, Pass* pass) const {
  const Vector head_weights = network_.HeadWeights(weights_);
  const Vector y = network_.Predict(weights_, contexts_, state_, record.taken.z);
  pass->loss = LossOf(specification_.loss.name, y, record.target->values);
  pass->dz = pass->loss.dz;
  for (double& value : pass->dz) value *= pass->weight;
  const Head::Backward back = network_.head().Back(head_weights, pass->features, pass->dz);
  const CellShape& shape = network_.cell().shape();
  Vector q(static_cast<std::size_t>(shape.sensitive));
  for (std::size_t o = 0; o < shape.outputs.size(); ++o) {
    q[shape.outputs[o]] = back.features[o];
  }
  pass->gradient = rule_->Gradient(q, pass->dz);
  pass->gradient.insert(pass->gradient.end(), back.weights.begin(), back.weights.end());
}

// Under these, a byte's other rows have gradient 0 and nothing that goes on moving them.
bool OnlineLearner::OnlyTheByteMoves() const {
  const Part& rule = specification_.rule;
  const Part& optimizer = descent_.part();
  const bool no_trace = rule.name == "immediate" && rule.Number("decay", 0) == 0;
  const bool no_momentum =
      optimizer.name == "rmsprop" || optimizer.name == "obgd" ||
      (optimizer.name == "sgd" && optimizer.Number("momentum", 0) == 0) ||
      (optimizer.name == "adam" && optimizer.Text("moments", "both") == "second");
  // What a cell keeps of the byte before has a gradient too.
  const bool one_byte = specification_.cell.name != "rwkv";
  return specification_.input.bytes && one_byte && no_trace && no_momentum;
}

std::vector<bool> OnlineLearner::Active(const Record& record, const LossResult& loss) const {
  const int inputs = specification_.input.size;
  const std::vector<std::string> of_outputs = {"readout", "readout_bias", "direct"};
  std::vector<bool> active;
  for (const Block& block : network_.layout().blocks()) {
    const bool from_input = block.group == "input" || block.group == "direct";
    const bool to_output =
        std::find(of_outputs.begin(), of_outputs.end(), block.name) != of_outputs.end();
    for (int row = 0; row < block.rows; ++row) {
      const auto channel = row % inputs;
      const bool waits = from_input && (!record.taken.present[channel] ||
                                        (OnlyTheByteMoves() && record.taken.z[channel] == 0));
      for (int column = 0; column < block.width; ++column) {
        const bool known = !to_output || loss.known[column];
        active.push_back(block.learned && !waits && known && descent_.Rate(block.group) > 0);
      }
    }
  }
  return active;
}

void OnlineLearner::Step(const Record& record, bool frozen) {
  Pass pass = Advance(record);
  if (!record.target) return;
  const bool learns = specification_.rule.name != "frozen" && !frozen && !record.score_only &&
                      record.target->weight > 0;
  if (!learns) return;
  const std::vector<bool> active = Active(record, pass.loss);
  ClipGradient(network_.layout(), specification_.clip_norm, specification_.clip_per_group, active,
               &pass.gradient);
  descent_.Update(pass.gradient, active, pass.dz, &weights_);
  contexts_.Learn(network_.History(state_), pass.dz);
  Vector head_weights = network_.HeadWeights(weights_);
  const std::vector<bool>& present = record.taken.present;
  if (std::find(present.begin(), present.end(), true) != present.end()) {
    network_.head().Learn(pass.features, *record.target, pass.weight, &head_weights, &head_state_);
  }
  std::copy(head_weights.begin(), head_weights.end(),
            weights_.end() - static_cast<std::ptrdiff_t>(head_weights.size()));
}

void OnlineLearner::Disturb(double relative) {
  double sign = 1;
  for (Vector* const values : {&weights_, &state_}) {
    for (double& value : *values) {
      value *= 1 + sign * relative;
      sign = -sign;
    }
  }
}

void OnlineLearner::RoundToFloat32() {
  for (double& weight : weights_) weight = static_cast<float>(weight);
  for (double& value : state_) value = static_cast<float>(value);
}

Vector OnlineLearner::GradientOf(const Record& record) const {
  OnlineLearner copy(*this);
  return copy.Advance(record).gradient;
}

}  // namespace millrace::reference
