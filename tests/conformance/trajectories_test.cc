// Two hundred steps of every combination against the independent reference.
//
// float64: engine and reference differ in the order of sums and in the last bits of exp and tanh,
// about 1e-16 a step and weight. A step passes an error on through the hidden state (the recurrent
// map of a few units contracts or keeps it) and through the optimizer, whose division by the root
// mean square keeps relative errors. Two hundred of them in one direction are 2e-14; 1e-12 leaves a
// factor for steps where a gradient cancels to a hundredth of its terms.
//
// float32: 2^-24 a step instead, and a network that learns may carry it further, from byte to byte
// or where a small gradient is divided by its own size. How far is measured: a second reference
// rounds its weights and its hidden state to float32 at every step. The engine, which rounds in
// more places, may be ten times as far from the exact one as that, and 1e-4 at least: 1 - .999 has
// a relative error of up to 3e-5 in float32, and with it goes every step of Adam and RMSprop in one
// direction, over weights that move by their own size. A wrong formula is off by 1e-2, a rate.
#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

constexpr int kSteps = 196;
constexpr int kBetween = 28;  // steps between comparisons

class SideBySide {
 public:
  SideBySide(const Combination& combination, std::uint64_t seed)
      : model_(MakeModel(combination.spec)),
        stream_(OpenStream(model_)),
        script_(MakeScript(*model_, seed, kSteps)),
        player_(&script_, stream_.get()) {}

  void Run() {
    const engine::Snapshot start = stream_->Save();
    const absl::StatusOr<reference::Design> design = DesignOf(*model_, start);
    ASSERT_TRUE(design.ok()) << design.status();
    const reference::Vector weights =
        ToReference(design->shape, TensorValues(start, "learner.weights"));
    reference::Stream exact(*design, weights);
    reference::Stream rounded(*design, weights);
    for (int t = 0; t < kSteps; t += kBetween) {
      PlayOnStream(*model_, t, t + kBetween, 1, &player_);
      PlayReferences(t, &exact, &rounded);
      const testing::AssertionResult same = Compare(design->shape, &exact);
      ASSERT_TRUE(same) << "after step " << t + kBetween;
    }
    if (model_->spec().rule.name != "frozen") {
      EXPECT_GT(WorstRelativeDifference(design->shape, exact.learner().weights(), weights), 1e-3)
          << "nothing was learned, so nothing was shown";
    }
  }

 private:
  bool float32() const { return model_->spec().number_type == engine::NumberType::kFloat32; }

  void PlayReferences(int from, reference::Stream* exact, reference::Stream* rounded) {
    const bool late = TargetsAreLate(*model_);
    reference::Vector ignored;
    for (int t = from; t < from + kBetween; t += kReleaseEvery) {
      PlayOnReference(script_, t, t + kReleaseEvery, late, exact, &outputs_);
      if (!float32()) continue;
      for (int step = t; step < t + kReleaseEvery; step += late ? kReleaseEvery : 1) {
        const int end = step + (late ? kReleaseEvery : 1);
        PlayOnReference(script_, step, end, late, rounded, &ignored);
        rounded->RoundToFloat32();
      }
    }
    if (!float32()) return;
    for (std::size_t i = 0; i < ignored.size(); ++i) {
      const double y = outputs_[outputs_.size() - ignored.size() + i];
      rounding_ = std::max(rounding_, std::abs(ignored[i] - y) / (1 + std::abs(y)));
    }
    for (std::size_t i = 0; i < exact->learner().weights().size(); ++i) {
      rounding_ = std::max(
          rounding_, std::abs(exact->learner().weights()[i] - rounded->learner().weights()[i]));
    }
  }

  double Tolerance() const { return float32() ? std::max(1e-4, 10 * rounding_) : 1e-12; }

  testing::AssertionResult Compare(const reference::Shape& shape, reference::Stream* exact) {
    const engine::Snapshot now = stream_->Save();
    const double weights =
        WorstRelativeDifference(shape, ToReference(shape, TensorValues(now, "learner.weights")),
                                exact->learner().weights());
    if (!(weights < Tolerance())) {
      return testing::AssertionFailure() << "weights differ by " << weights;
    }
    const double hidden = Worst(TensorValues(now, "learner.hidden"), exact->learner().hidden());
    if (!(hidden < Tolerance())) {
      return testing::AssertionFailure() << "hidden states differ by " << hidden;
    }
    // Outputs leave the engine as float32.
    const std::vector<float>& served = player_.outputs();
    const double outputs = Worst(reference::Vector(served.begin(), served.end()), outputs_);
    if (!(outputs < std::max(2e-7, Tolerance()))) {
      return testing::AssertionFailure() << "outputs differ by " << outputs;
    }
    if (stream_->learned_seq() != static_cast<std::uint64_t>(exact->learned())) {
      return testing::AssertionFailure() << "learned up to " << stream_->learned_seq()
                                         << ", the reference to " << exact->learned();
    }
    return testing::AssertionSuccess();
  }

  // Relative where values are large.
  static double Worst(const reference::Vector& a, const reference::Vector& b) {
    if (a.size() != b.size()) return HUGE_VAL;
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double distance = std::abs(a[i] - b[i]) / (1 + std::abs(b[i]));
      worst = std::isnan(distance) ? HUGE_VAL : std::max(worst, distance);
    }
    return worst;
  }

  std::shared_ptr<const engine::Model> model_;
  std::unique_ptr<engine::Stream> stream_;
  Script script_;
  Player player_;
  reference::Vector outputs_;
  double rounding_ = 0;  // how far the rounded reference was from the exact one
};

TEST(Trajectories, EveryListEntryHasAReference) {
  for (const Combination& combination : Combinations()) {
    const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
    const absl::StatusOr<reference::Design> design = DesignOf(*model, OpenStream(model)->Save());
    EXPECT_TRUE(design.ok()) << design.status();
  }
}

TEST(Trajectories, EveryCombinationFollowsTheReference) {
  EXPECT_GT(Combinations().size(), 50U);
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    SideBySide(combination, 11).Run();
  }
}

}  // namespace
}  // namespace millrace::conformance
