#include "engine/rules/rtrl.h"

#include "engine/check.h"
#include "engine/rules/block_sensitivities.h"
#include "engine/rules/snap1.h"
#include "engine/rules/state_size.h"

namespace millrace::engine {
namespace {

template <typename T>
class DenseRtrlRule final : public Rule<T> {
 public:
  DenseRtrlRule(const Structure& structure, SensitivityNumbers numbers)
      : sensitivities_(structure, structure.block_units(), 0, numbers) {}

  RuleTrait trait() const override { return RuleTrait::kExact; }
  std::int64_t StateSize() const override { return sensitivities_.size(); }
  std::int64_t Reach() const override { return sensitivities_.block_units(); }
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t, T* state) override {
    sensitivities_.Load(theta, step);
    sensitivities_.Advance(step, nullptr, state);
  }
  void StoreSensitivities(T* state) const override { sensitivities_.Store(state); }
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) override {
    sensitivities_.Contract(feedback.q, view.state, g);
  }
  void AdvanceAndGradient(const LearningStep<T>& step, T* state, T* g) override {
    sensitivities_.Load(step.view.theta, step.view.step);
    sensitivities_.AdvanceAndContract(step.view.step, nullptr, step.feedback.q, state, g);
  }

 private:
  BlockSensitivities<T> sensitivities_;
};

// Of a cell that has a recurrence of its own.
template <typename T>
class SharedRtrlRule final : public Rule<T> {
 public:
  explicit SharedRtrlRule(const Cell<T>& cell) : cell_(cell) {}

  RuleTrait trait() const override { return RuleTrait::kExact; }
  std::int64_t StateSize() const override { return cell_.SharedSensitivitySize(); }
  void Advance(const T* theta, const CellStep<T>& step, std::uint64_t, T* state) override {
    cell_.AdvanceShared(theta, step, state);
  }
  void Gradient(const Feedback<T>& feedback, const RuleView<T>& view, bool, T* g) override {
    cell_.SharedGradient(view.theta, view.state, view.step, feedback.q, g);
  }

 private:
  const Cell<T>& cell_;
};

}  // namespace

PartDescription DescribeRtrl() {
  return {"rule",
          "rtrl",
          "Full real-time recurrent learning, exact: one trace a weight where no unit reaches "
          "another, else the sensitivities of all units to all weights.",
          {DescribeSensitivityNumbers()}};
}

absl::Status CheckRtrl(const PartSpec& cell, const Structure* structure, const PartSpec& rule) {
  if (structure == nullptr || structure->diagonal()) return CheckDenseSensitivities(cell, rule);
  return CheckStateSize(cell, rule,
                        BlockSensitivities<float>::SizeOf(*structure, structure->block_units()),
                        "use rule 'sparse_rtrl' with mask 'block', or fewer units");
}

template <typename T>
std::unique_ptr<Rule<T>> MakeRtrl(const PartSpec& part, const Cell<T>& cell) {
  const Structure* const structure = cell.structure();
  if (structure == nullptr) {
    MILLRACE_CHECK(cell.SharedSensitivitySize() > 0);
    return std::make_unique<SharedRtrlRule<T>>(cell);
  }
  if (structure->diagonal()) return std::make_unique<Snap1Rule<T>>(cell);
  return std::make_unique<DenseRtrlRule<T>>(*structure, NumbersOf<T>(part));
}

template std::unique_ptr<Rule<float>> MakeRtrl(const PartSpec&, const Cell<float>&);
template std::unique_ptr<Rule<double>> MakeRtrl(const PartSpec&, const Cell<double>&);

}  // namespace millrace::engine
