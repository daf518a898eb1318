// Truncated back-propagation through time, one loss at a time: the present loss goes back through
// the last `window` steps with the slopes that those steps had and the recurrent weights of now.
#include <deque>
#include <utility>

#include "tests/reference/rules/algebra.h"
#include "tests/reference/rules/list.h"

namespace millrace::reference {
namespace {

class TbpttRule final : public GradientRule {
 public:
  TbpttRule(int window, std::shared_ptr<const Cell> cell)
      : window_(window), cell_(std::move(cell)) {}

  std::unique_ptr<GradientRule> Clone() const override {
    return std::make_unique<TbpttRule>(*this);
  }

  void Reset() override { steps_.clear(); }

  void Advance(const Moment& moment) override {
    steps_.push_back({moment.weights, moment.before, moment.x});
    if (static_cast<int>(steps_.size()) > window_) steps_.pop_front();
  }

  Vector Gradient(const Vector& q, const Vector& /*dz*/) const override {
    Vector gradient(cell_->shape().layout.Size());
    Vector credit = q;
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      const Local local =
          cell_->Derive(step->weights, step->before, step->x, steps_.back().weights);
      const Vector share = TransposedProduct(local.immediate, credit);
      for (std::size_t j = 0; j < share.size(); ++j) gradient[j] += share[j];
      credit = TransposedProduct(Sum(local.carry, local.recurrent), credit);
    }
    return gradient;
  }

 private:
  // What a step was made of.
  struct Step {
    Vector weights, before, x;
  };

  int window_;
  std::shared_ptr<const Cell> cell_;
  std::deque<Step> steps_;
};

}  // namespace

std::unique_ptr<GradientRule> MakeTbptt(const Part& part, std::shared_ptr<const Cell> cell,
                                        const RuleDraws& /*draws*/) {
  return std::make_unique<TbpttRule>(part.Integer("window", 16), std::move(cell));
}

}  // namespace millrace::reference
