// The sensitivities that a rule holds, Z = d outputs/d theta [o, p of the cell], and their
// spectrum.
//
// A row of Z is the gradient for q = one output: whatever a rule keeps, its Gradient reads it out.
// Where parameters reach only the units of their own block of s (Rule::Reach), Z falls into n / s
// matrices that share no column, and one Gradient reads a row of each.
//
// Letters: n units, o outputs of k components, s units of a block, b = k s rows of a block.
// Thread-compatible (scratch). Memory for the b rows of a sample is taken for the sample only. b
// Gradients, O(b^2 p) for the products, O(n b^3 / s) for the singular values.
#ifndef MILLRACE_ENGINE_DIAGNOSTICS_SENSITIVITIES_H_
#define MILLRACE_ENGINE_DIAGNOSTICS_SENSITIVITIES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/rules/rule.h"

namespace millrace::engine {

struct Spectrum {
  std::optional<double> norm;                   // |Z|_F
  std::optional<double> condition_number;       // largest singular value over the smallest of o
  std::optional<std::uint64_t> effective_rank;  // so many hold 95 % of |Z|_F^2
};

template <typename T>
class Sensitivities {
 public:
  // Larger ones are not looked at: rows b, and bytes of the b rows.
  static constexpr std::int64_t kMostRows = 512;
  static constexpr std::int64_t kMostBytes = std::int64_t{128} << 20;

  // For rules of this reach and a head of m outputs.
  Sensitivities(const Cell<T>& cell, std::int64_t reach, std::int64_t m);

  // What is not finite, not readable or too large is absent; so are condition number and rank
  // without LibTorch, and the condition number where the smallest singular value is lost in
  // rounding.
  Spectrum Measure(Rule<T>& rule, const RuleView<T>& view);

 private:
  bool readable() const { return b_ > 0; }
  void MakeRoom();
  void Read(Rule<T>& rule, const RuleView<T>& view);
  void Multiply();
  void AddProduct(std::int64_t row, std::int64_t column);

  std::int64_t n_, p_, s_ = 0, b_ = 0;
  std::vector<T> q_, dy_;       // [o], [m]
  std::vector<T> rows_;         // [b, p], empty between samples
  std::vector<double> gram_;    // Z Z^T, block by block [n / s, b, b]
  std::vector<double> values_;  // singular values of those [n / s, b]
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DIAGNOSTICS_SENSITIVITIES_H_
