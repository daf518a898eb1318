// Truncated back-propagation through time, one loss at a time: the present loss goes back through
// the last `window` steps with the derivatives that those steps had.
#include <deque>
#include <utility>

#include "tests/reference/rules/algebra.h"
#include "tests/reference/rules/list.h"

namespace millrace::reference {
namespace {

class TbpttRule final : public GradientRule {
 public:
  TbpttRule(int window, int weights) : window_(window), weights_(weights) {}

  std::unique_ptr<GradientRule> Clone() const override {
    return std::make_unique<TbpttRule>(*this);
  }

  void Reset() override { steps_.clear(); }

  void Advance(const Moment& moment) override {
    steps_.push_back({Sum(moment.local.carry, moment.local.recurrent), moment.local.immediate});
    if (static_cast<int>(steps_.size()) > window_) steps_.pop_front();
  }

  Vector Gradient(const Vector& q, const Vector& /*dz*/) const override {
    Vector gradient(static_cast<std::size_t>(weights_));
    Vector credit = q;
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      const Vector share = TransposedProduct(step->immediate, credit);
      for (std::size_t j = 0; j < share.size(); ++j) gradient[j] += share[j];
      credit = TransposedProduct(step->jacobian, credit);
    }
    return gradient;
  }

 private:
  struct Step {
    Matrix jacobian;   // [N, N]
    Matrix immediate;  // [N, p]
  };

  int window_, weights_;
  std::deque<Step> steps_;
};

}  // namespace

std::unique_ptr<GradientRule> MakeTbptt(const Part& part, std::shared_ptr<const Cell> cell,
                                        const RuleDraws& /*draws*/) {
  return std::make_unique<TbpttRule>(part.Integer("window", 10), cell->shape().layout.Size());
}

}  // namespace millrace::reference
