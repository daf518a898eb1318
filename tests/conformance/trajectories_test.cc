// Two hundred steps of every combination against the independent reference.
//
// float64: engine and reference differ in the order of sums and in the last bits of exp and tanh,
// about 1e-16 a step and weight, which two hundred steps in one direction make 2e-14; 1e-12 leaves
// a factor for steps where a gradient cancels to a hundredth of its terms. float32: 2^-24 a step,
// and 1 - .999 has a relative error of up to 3e-5, with which goes every step of Adam and RMSprop
// in one direction over weights that move by their own size: 2e-4.
// A network that learns may carry either further: from byte to byte, through a stochastic rule, or
// where a small gradient is divided by its own size. How far is measured: a second reference rounds
// its weights and state to float32 at every step, or moves them by 2^-52 of themselves. The engine,
// which rounds in more places, may be kFactor times as far from the exact one as that. A wrong
// formula is off by 1e-2, a rate; kMost bounds what may be excused.
// Sensitivities kept in bfloat16: one that lies in the middle of two such numbers but for a
// rounding of float32 goes to the one here and to the other there, a part in 2^8 of it, some times
// in two hundred steps; an optimizer that divides by a small gradient makes 1e-3 of that at most.
// sensitivities_test.cc tells the roundings apart. Closed-form heads: the reference solves for
// their weights anew at every target, the engine carries an inverse on, which costs the digits of a
// condition number of up to 1e4.
#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/conformance/correspondence.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {
namespace {

constexpr int kSteps = 196;
constexpr int kBetween = 28;  // steps between comparisons
constexpr double kFactor = 30;
constexpr double kMost = 3e-3;
constexpr double kDiverged = 1e4;  // an output

bool KeepsBf16(const engine::PartSpec& rule) {
  const auto numbers = rule.settings.find("sensitivities");
  return numbers != rule.settings.end() && numbers->second == engine::SettingValue("bf16");
}

class SideBySide {
 public:
  SideBySide(const Combination& combination, std::uint64_t seed)
      : model_(MakeModel(combination.spec)),
        stream_(OpenStream(model_)),
        script_(MakeScript(*model_, seed, kSteps)),
        player_(&script_, stream_.get()) {}

  void Run() {
    const engine::Snapshot start = stream_->Save();
    const absl::StatusOr<reference::Specification> specification = SpecificationOf(*model_, start);
    ASSERT_TRUE(specification.ok()) << specification.status();
    const reference::Vector weights = TensorValues(start, "learner.weights");
    layout_ = LayoutOf(*stream_);
    reference::OnlineStream exact(*specification, weights);
    reference::OnlineStream rounded(*specification, weights);
    for (int t = 0; t < kSteps; t += kBetween) {
      PlayOnStream(*model_, t, t + kBetween, 1, &player_);
      PlayReferences(t, &exact, &rounded);
      // What has diverged (a stochastic rule without a clip may) is compared no further.
      if (Largest(outputs_) > kDiverged) return;
      const testing::AssertionResult same = Compare(&exact);
      ASSERT_TRUE(same) << "after step " << t + kBetween;
    }
    if (model_->spec().rule.name != "frozen") {
      EXPECT_GT(WorstRelativeDifference(layout_, exact.learner().weights(), weights), 1e-3)
          << "nothing was learned, so nothing was shown";
    }
  }

 private:
  bool float32() const { return model_->spec().number_type == engine::NumberType::kFloat32; }

  void PlayReferences(int from, reference::OnlineStream* exact, reference::OnlineStream* rounded) {
    const bool late = TargetsAreLate(*model_);
    reference::Vector ignored;
    for (int t = from; t < from + kBetween; t += kReleaseEvery) {
      PlayOnReference(script_, t, t + kReleaseEvery, late, exact, &outputs_);
      for (int step = t; step < t + kReleaseEvery; step += late ? kReleaseEvery : 1) {
        const int end = step + (late ? kReleaseEvery : 1);
        PlayOnReference(script_, step, end, late, rounded, &ignored);
        float32() ? rounded->RoundToFloat32() : rounded->Disturb(0x1p-52);
      }
    }
    for (std::size_t i = 0; i < ignored.size(); ++i) {
      const double y = outputs_[outputs_.size() - ignored.size() + i];
      rounding_ = std::max(rounding_, std::abs(ignored[i] - y) / (1 + std::abs(y)));
    }
    for (std::size_t i = 0; i < exact->learner().weights().size(); ++i) {
      rounding_ = std::max(
          rounding_, std::abs(exact->learner().weights()[i] - rounded->learner().weights()[i]));
    }
  }

  double Tolerance() const {
    const std::string& head = model_->spec().head.name;
    const bool closed_form = head == "gaussian" || head == "least_squares";
    const double of_numbers = float32() ? (KeepsBf16(model_->spec().rule) ? 1e-3 : 2e-4) : 1e-12;
    const double least = closed_form ? (float32() ? kMost : 1e-8) : of_numbers;
    return std::min(kMost, std::max(least, kFactor * rounding_));
  }

  testing::AssertionResult Compare(reference::OnlineStream* exact) {
    const engine::Snapshot now = stream_->Save();
    const double weights = WorstRelativeDifference(layout_, TensorValues(now, "learner.weights"),
                                                   exact->learner().weights());
    if (!(weights < Tolerance())) {
      return testing::AssertionFailure() << "weights differ by " << weights;
    }
    const double hidden = Worst(TensorValues(now, "learner.hidden"), exact->learner().state());
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

  static double Largest(const reference::Vector& values) {
    double largest = 0;
    for (const double value : values) {
      largest = std::isnan(value) ? HUGE_VAL : std::max(largest, std::abs(value));
    }
    return largest;
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
  reference::Layout layout_;
  reference::Vector outputs_;
  double rounding_ = 0;  // how far the rounded reference was from the exact one
};

TEST(Trajectories, EveryListEntryHasAReference) {
  for (const Combination& combination : Combinations()) {
    const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
    const auto specification = SpecificationOf(*model, OpenStream(model)->Save());
    EXPECT_TRUE(specification.ok()) << specification.status();
  }
}

// In parts, which a test runner may run side by side.
constexpr std::size_t kParts = 8;

class TrajectoriesOfPart : public testing::TestWithParam<std::size_t> {};

TEST_P(TrajectoriesOfPart, EveryCombinationFollowsTheReference) {
  EXPECT_GT(Combinations().size(), 50U);
  for (std::size_t i = GetParam(); i < Combinations().size(); i += kParts) {
    const Combination& combination = Combinations()[i];
    SCOPED_TRACE(combination.name);
    SideBySide(combination, 11).Run();
  }
}

INSTANTIATE_TEST_SUITE_P(All, TrajectoriesOfPart, testing::Range(std::size_t{0}, kParts));

}  // namespace
}  // namespace millrace::conformance
