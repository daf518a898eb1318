#include "tests/conformance/one_gradient.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {

using reference::Vector;

OneGradient::OneGradient(const engine::ModelSpec& base, std::uint64_t seed) {
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
      // Within what every loss takes: probabilities, counts.
      last.values.push_back(0.2F + 0.3F * static_cast<float>(k));
    }
  }
  const std::unique_ptr<engine::Stream> stream = OpenStream(model_);
  start_ = stream->Save();
  layout_ = LayoutOf(*stream);
}

Vector OneGradient::StartWeights() const { return TensorValues(start_, "learner.weights"); }

void OneGradient::SetStartWeights(const Vector& weights) {
  SetTensor("learner.weights", weights, &start_);
}

void OneGradient::ChangeRecurrent(const std::function<double(int, int, double)>& entry) {
  Vector weights = StartWeights();
  for (const reference::Block& block : layout_.blocks()) {
    if (block.group != "recurrent") continue;
    for (int i = 0; i < block.width; ++i) {
      const int first = i / block.rows * block.rows;
      for (int j = 0; j < block.rows; ++j) {
        double& weight = weights[static_cast<std::size_t>(block.Place(j, i))];
        weight = entry(i, first + j, weight);
      }
    }
  }
  SetStartWeights(weights);
}

engine::Snapshot OneGradient::After(const engine::Snapshot& snapshot, int from, int to) const {
  const std::unique_ptr<engine::Stream> stream = LoadStream(model_, snapshot);
  Player player(&script_, stream.get());
  player.Observe(from, to, 0);
  return stream->Save();
}

Vector OneGradient::Gradient() const {
  const engine::Snapshot before = After(start_, 0, kHistory - 1);
  const Vector from = TensorValues(before, "learner.weights");
  const Vector to = TensorValues(After(before, kHistory - 1, kHistory), "learner.weights");
  Vector gradient(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) gradient[i] = from[i] - to[i];
  return gradient;
}

Vector OneGradient::ReferenceGradient() const {
  const auto specification = SpecificationOf(*model_, start_);
  EXPECT_TRUE(specification.ok()) << specification.status();
  reference::OnlineStream stream(*specification, StartWeights());
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

double OneGradient::LossWith(engine::Snapshot snapshot, Vector weights, std::size_t place,
                             double step, bool whole_history) const {
  weights[place] += step;
  SetTensor("learner.weights", weights, &snapshot);
  const std::unique_ptr<engine::Stream> stream = LoadStream(model_, snapshot);
  Player player(&script_, stream.get());
  player.Observe(whole_history ? 0 : kHistory - 1, kHistory, 0);
  // The only scored step, in double precision.
  return stream->Stats().mean_loss.value();
}

Vector OneGradient::Differences(bool whole_history) const {
  const engine::Snapshot from = whole_history ? start_ : After(start_, 0, kHistory - 1);
  const Vector weights = TensorValues(from, "learner.weights");
  Vector gradient(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double step = 1e-5;
    gradient[i] = (LossWith(from, weights, i, step, whole_history) -
                   LossWith(from, weights, i, -step, whole_history)) /
                  (2 * step);
  }
  return gradient;
}

double Distance(const Vector& a, const Vector& b) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference = std::max(difference, std::abs(a[i] - b[i]));
    size = std::max(size, std::abs(b[i]));
  }
  return difference / size;
}

}  // namespace millrace::conformance
