// What tests of learning rules share: every cell with small sizes, a cell that went through a few
// steps in float64 with its weights held, a rule that took them in. Thread-compatible.
#ifndef MILLRACE_TESTS_ENGINE_RULE_HISTORY_H_
#define MILLRACE_TESTS_ENGINE_RULE_HISTORY_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/cells/list.h"
#include "engine/rules/list.h"
#include "tests/support/numbers.h"

namespace millrace::engine::rule_testing {

using Vector = std::vector<double>;

inline constexpr std::int64_t kInputs = 3;
inline constexpr std::uint64_t kSeed = 11;

inline PartSpec Resolved(const std::string& kind, PartSpec part) {
  const absl::StatusOr<PartSpec> resolved = ResolvePart(kind, part, "");
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.ok() ? *resolved : part;
}

// A cell that goes through a few steps on inputs without pattern, its weights held.
class History {
 public:
  History(const PartSpec& cell, int steps, double scale = 0.6)
      : cell_(MakeCell<double>(Resolved("cell", cell), kInputs)), length_(steps) {
    testing_support::Numbers numbers(5);
    theta_.resize(static_cast<std::size_t>(cell_->parameters()));
    for (double& weight : theta_) weight = numbers.Between(-scale, scale);
    q_.resize(static_cast<std::size_t>(cell_->outputs()));
    for (double& value : q_) value = numbers.Between(-1, 1);
    Run();
  }

  // Of a cell with one gate.
  void SetRecurrentWeights(double value) {
    std::fill_n(theta_.begin(), cell_->structure()->n * cell_->structure()->n, value);
    Run();
  }

  const Cell<double>& cell() const { return *cell_; }
  const Vector& theta() const { return theta_; }
  const Vector& q() const { return q_; }
  const std::vector<CellStep<double>>& steps() const { return steps_; }
  const CellStep<double>& last() const { return steps_.back(); }

  // The gradient of q . outputs after the last step, back through the last `window` steps.
  Vector Exact(std::size_t window = 1000) const {
    Vector ds(static_cast<std::size_t>(cell_->components()), 0.0);
    Vector before(ds.size()), gradient(theta_.size(), 0.0), share(theta_.size());
    Vector scratch(static_cast<std::size_t>(cell_->scratch_size()));
    std::copy(q_.begin(), q_.end(), ds.end() - cell_->outputs());
    for (std::size_t back = 0; back < std::min(window, steps_.size()); ++back) {
      const CellStep<double>& step = steps_[steps_.size() - 1 - back];
      cell_->ImmediateGradient(theta_.data(), step, ds.data(), false, scratch.data(), share.data());
      for (std::size_t j = 0; j < share.size(); ++j) gradient[j] += share[j];
      cell_->BackState(theta_.data(), step, ds.data(), scratch.data(), before.data());
      ds = before;
    }
    return gradient;
  }

 private:
  void Run() {
    testing_support::Numbers numbers(6);
    Vector state(static_cast<std::size_t>(cell_->state_size()), 0.0);
    steps_.clear();
    for (int t = 0; t < length_; ++t) {
      Vector x(kInputs);
      for (double& value : x) value = numbers.Between(-1, 1);
      steps_.emplace_back(cell_->step_shape());
      CellInput<double> input;
      input.dense = x.data();
      cell_->Forward(theta_.data(), input, state.data(), &steps_.back());
      std::copy_n(steps_.back().state(), state.size(), state.data());
    }
  }

  std::unique_ptr<Cell<double>> cell_;
  int length_;
  Vector theta_, q_;
  std::vector<CellStep<double>> steps_;
};

// A rule that took a history in.
struct Taken {
  Taken(const History& history, const PartSpec& part, std::uint64_t seed = kSeed)
      : rule(MakeRule<double>(Resolved("rule", part), history.cell(), seed)),
        state(static_cast<std::size_t>(rule->StateSize()), 0.0) {
    std::uint64_t number = 0;
    for (const CellStep<double>& step : history.steps()) {
      rule->Advance(history.theta().data(), step, ++number, state.data());
    }
  }

  std::unique_ptr<Rule<double>> rule;
  Vector state;
};

inline Vector GradientOf(const History& history, const Taken& taken) {
  Vector gradient(history.theta().size(), std::nan(""));
  taken.rule->Gradient({history.q().data(), nullptr, 1},
                       {history.theta().data(), history.last(), nullptr, taken.state.data()}, false,
                       gradient.data());
  return gradient;
}

inline Vector GradientOf(const History& history, const PartSpec& part) {
  return GradientOf(history, Taken(history, part));
}

inline double Largest(const Vector& x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::abs(value));
  return largest;
}

inline void ExpectNear(const Vector& got, const Vector& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  ASSERT_GT(Largest(expected), 0.01);
  for (std::size_t j = 0; j < got.size(); ++j) {
    EXPECT_NEAR(got[j], expected[j], tolerance * Largest(expected)) << "weight " << j;
  }
}

inline PartSpec CellOf(const std::string& name, Settings settings = {}, std::int64_t units = 6) {
  settings.emplace("units", units);
  return {name, std::move(settings)};
}

// Cells with weights between units whose parameters reach their own unit alone within one step.
inline std::vector<PartSpec> UnitLocalCells() {
  return {CellOf("vanilla", {{"leak", 0.4}}),
          CellOf("ctrnn"),
          CellOf("lstm"),
          CellOf("gru"),
          CellOf("slstm", {{"heads", std::int64_t{1}}}),
          CellOf("slstm", {{"heads", std::int64_t{2}}}),
          CellOf("block_gru", {{"blocks", std::int64_t{2}}}),
          CellOf("block_gru", {{"blocks", std::int64_t{3}}})};
}

// Cells with weights between units.
inline std::vector<PartSpec> RecurrentCells() {
  std::vector<PartSpec> cells = UnitLocalCells();
  cells.push_back(CellOf("gru", {{"reset", std::string("before")}}));
  return cells;
}

// Cells in which no unit reaches another, and those that share sensitivities between units.
inline std::vector<PartSpec> CheapCells() {
  return {CellOf("lru"),     CellOf("lru", {{"tied", false}}),
          CellOf("glru"),    CellOf("glru", {{"complex", true}}),
          CellOf("min_gru"), CellOf("rg_lru"),
          CellOf("elstm"),   CellOf("rwkv"),
          CellOf("s4d"),     CellOf("retnet", {{"key_size", std::int64_t{4}}})};
}

inline std::vector<PartSpec> AllCells() {
  std::vector<PartSpec> cells = RecurrentCells();
  for (const PartSpec& cell : CheapCells()) cells.push_back(cell);
  return cells;
}

inline PartSpec Sparse(const std::string& mask, std::int64_t k, bool include_self = true) {
  return {"sparse_rtrl", {{"mask", mask}, {"k", k}, {"include_self", include_self}}};
}

}  // namespace millrace::engine::rule_testing

#endif  // MILLRACE_TESTS_ENGINE_RULE_HISTORY_H_
