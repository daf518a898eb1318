// Every listed cell with the settings that change its equations, at a point that its own steps have
// reached, for tests of one step.
#ifndef MILLRACE_TESTS_ENGINE_CELL_CASES_H_
#define MILLRACE_TESTS_ENGINE_CELL_CASES_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "engine/cells/list.h"
#include "engine/random.h"
#include "engine/spec.h"

namespace millrace::engine {

struct CellCase {
  std::string label;
  PartSpec part;  // resolved
};

inline void PrintTo(const CellCase& one, std::ostream* out) { *out << one.label; }

// The cell `name` with `settings`, resolved.
inline PartSpec Resolved(const std::string& name, const Settings& settings) {
  const absl::StatusOr<PartSpec> part = ResolvePart("cell", {name, settings}, "");
  EXPECT_TRUE(part.ok()) << part.status();
  return part.value();
}

inline std::vector<CellCase> CellCases() {
  const std::multimap<std::string, Settings> variants = {
      {"vanilla", {{"leak", 0.3}}},
      {"gru", {{"reset", std::string("before")}}},
      {"slstm", {{"heads", std::int64_t{3}}}},
      {"retnet", {{"key_size", std::int64_t{3}}}},
      {"s4d", {{"state", std::int64_t{1}}}},
      {"lru", {{"tied", false}, {"r_min", 0.5}, {"r_max", 0.9}}},
      {"glru", {{"complex", true}}},
      {"min_gru", {{"activation", std::string("positive")}}},
      {"block_gru", {{"blocks", std::int64_t{2}}}}};
  std::vector<CellCase> cases;
  for (const PartDescription& description : DescribeCells()) {
    const Settings units = {{"units", std::int64_t{6}}};
    cases.push_back({description.name, Resolved(description.name, units)});
    const auto [first, last] = variants.equal_range(description.name);
    for (auto variant = first; variant != last; ++variant) {
      Settings settings = variant->second;
      settings.insert(units.begin(), units.end());
      cases.push_back({description.name + "_variant", Resolved(description.name, settings)});
    }
  }
  return cases;
}

inline std::vector<double> Normals(std::int64_t count, double deviation, std::uint64_t seed) {
  std::vector<double> values(static_cast<std::size_t>(count));
  Random random(seed, 0);
  random.FillNormal(deviation, count, values.data());
  return values;
}

// A cell of 5 inputs under weights away from where it starts, some steps after a reset.
class CellPoint {
 public:
  static constexpr std::int64_t kInputs = 5;

  explicit CellPoint(const CellCase& of)
      : name_(of.part.name), cell_(MakeCell<double>(of.part, kInputs)), step_(cell_->step_shape()) {
    theta_.resize(static_cast<std::size_t>(cell_->parameters()));
    cell_->Initialize(7, theta_.data());
    const std::vector<double> moved = Normals(cell_->parameters(), 0.3, 8);
    for (std::size_t k = 0; k < theta_.size(); ++k) theta_[k] += moved[k];
    previous_.assign(static_cast<std::size_t>(cell_->state_size()), 0.0);
    for (std::uint64_t t = 0; t < 4; ++t) previous_ = StateAfter(theta_, Input(t), previous_);
  }

  const Cell<double>& cell() const { return *cell_; }
  const std::vector<double>& theta() const { return theta_; }
  const std::vector<double>& previous() const { return previous_; }
  // Input vector number t.
  static std::vector<double> Input(std::uint64_t t) { return Normals(kInputs, 1.0, 100 + t); }
  std::vector<double> Scratch() const {
    return std::vector<double>(static_cast<std::size_t>(cell_->scratch_size()));
  }

  CellStep<double> Step(const CellInput<double>& input) const {
    CellStep<double> step(cell_->step_shape());
    cell_->Forward(theta_.data(), input, previous_.data(), &step);
    return step;
  }

  std::vector<double> StateAfter(const std::vector<double>& theta, const std::vector<double>& x,
                                 const std::vector<double>& previous) {
    cell_->Forward(theta.data(), {.dense = x.data()}, previous.data(), &step_);
    return {step_.state(), step_.state() + cell_->state_size()};
  }

  // The components after input 9, in the scale that the step from theta() and previous() has:
  // the first two components of a cell with an exponent are stored divided by its power.
  std::vector<double> ComponentsAfter(const std::vector<double>& theta,
                                      const std::vector<double>& previous) {
    std::vector<double> state = StateAfter(theta, Input(9), previous);
    if (name_ == "slstm" || name_ == "rwkv") {
      const auto n = static_cast<std::size_t>(cell_->outputs());
      if (exponent_.empty()) {
        const std::vector<double> base = StateAfter(theta_, Input(9), previous_);
        exponent_.assign(base.begin() + static_cast<std::ptrdiff_t>(3 * n),
                         base.begin() + static_cast<std::ptrdiff_t>(4 * n));
      }
      for (std::size_t i = 0; i < 2 * n; ++i) {
        state[i] *= std::exp(state[3 * n + i % n] - exponent_[i % n]);
      }
    }
    state.resize(static_cast<std::size_t>(cell_->components()));
    return state;
  }

 private:
  std::string name_;
  std::unique_ptr<Cell<double>> cell_;
  CellStep<double> step_;
  std::vector<double> theta_, previous_, exponent_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_TESTS_ENGINE_CELL_CASES_H_
