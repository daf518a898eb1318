#include "engine/diagnostics/sensitivities.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/check.h"
#include "engine/diagnostics/singular_values.h"
#include "kernels/math/sqrt.h"

namespace millrace::engine {
namespace {

constexpr double kEnergy = 0.95;

// In 8 lanes, which are then added in order.
template <typename T>
double Dot(const T* a, const T* b, std::int64_t count) {
  std::array<double, 8> lanes{};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::int64_t lane = 0; lane < 8; ++lane) {
      lanes[static_cast<std::size_t>(lane)] +=
          static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  double sum = 0;
  for (; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  for (const double lane : lanes) sum += lane;
  return sum;
}

// squares: squared singular values of Z, falling.
std::uint64_t EffectiveRank(const std::vector<double>& squares, double total) {
  double sum = 0;
  for (std::size_t rank = 0; rank < squares.size(); ++rank) {
    sum += squares[rank];
    if (sum >= kEnergy * total) return rank + 1;
  }
  return squares.size();
}

}  // namespace

template <typename T>
Sensitivities<T>::Sensitivities(const Cell<T>& cell, std::int64_t reach, std::int64_t m)
    : n_(cell.structure() == nullptr ? cell.outputs() : cell.structure()->n),
      p_(cell.parameters()) {
  if (reach == kNoUnits) return;
  s_ = reach == kAllUnits ? n_ : reach;
  MILLRACE_CHECK(n_ % s_ == 0);
  b_ = cell.outputs() / n_ * s_;
  const std::int64_t number = static_cast<std::int64_t>(sizeof(T));
  if (b_ > kMostRows || b_ * p_ * number > kMostBytes) b_ = 0;
  q_.resize(static_cast<std::size_t>(cell.outputs()));
  dy_.assign(static_cast<std::size_t>(m), T{0});
}

template <typename T>
void Sensitivities<T>::MakeRoom() {
  rows_.resize(static_cast<std::size_t>(b_ * p_));
  gram_.assign(static_cast<std::size_t>(n_ / s_ * b_ * b_), 0.0);
  values_.resize(static_cast<std::size_t>(n_ / s_ * b_));
}

template <typename T>
void Sensitivities<T>::Read(Rule<T>& rule, const RuleView<T>& view) {
  for (std::int64_t row = 0; row < b_; ++row) {
    std::fill(q_.begin(), q_.end(), T{0});
    T* const component = q_.data() + row / s_ * n_;
    for (std::int64_t unit = row % s_; unit < n_; unit += s_) component[unit] = T{1};
    rule.Gradient({q_.data(), dy_.data(), static_cast<std::int64_t>(dy_.size())}, view, false,
                  rows_.data() + row * p_);
  }
}

// A parameter's unit is its place modulo n.
template <typename T>
void Sensitivities<T>::AddProduct(std::int64_t row, std::int64_t column) {
  const T* const a = rows_.data() + row * p_;
  const T* const b = rows_.data() + column * p_;
  const std::int64_t width = s_ == n_ ? p_ : s_;
  for (std::int64_t first = 0; first < p_; first += width) {
    double* const gram = gram_.data() + first % n_ / s_ * b_ * b_;
    gram[row * b_ + column] += Dot(a + first, b + first, width);
  }
}

template <typename T>
void Sensitivities<T>::Multiply() {
  for (std::int64_t row = 0; row < b_; ++row) {
    for (std::int64_t column = 0; column <= row; ++column) AddProduct(row, column);
  }
  for (std::int64_t block = 0; block < n_ / s_; ++block) {
    double* const gram = gram_.data() + block * b_ * b_;
    for (std::int64_t row = 0; row < b_; ++row) {
      for (std::int64_t column = 0; column < row; ++column) {
        gram[column * b_ + row] = gram[row * b_ + column];
      }
    }
  }
}

template <typename T>
Spectrum Sensitivities<T>::Measure(Rule<T>& rule, const RuleView<T>& view) {
  Spectrum spectrum;
  if (!readable()) return spectrum;
  MakeRoom();
  Read(rule, view);
  Multiply();
  rows_ = {};
  double total = 0;
  for (std::int64_t block = 0; block < n_ / s_; ++block) {
    for (std::int64_t row = 0; row < b_; ++row) {
      total += gram_[static_cast<std::size_t>(block * b_ * b_ + row * b_ + row)];
    }
  }
  if (!std::isfinite(total)) return spectrum;
  spectrum.norm = kernels::Sqrt(total);
  if (total == 0 || !SingularValues(gram_.data(), n_ / s_, b_, values_.data())) return spectrum;
  std::sort(values_.begin(), values_.end(), std::greater<>());
  spectrum.effective_rank = EffectiveRank(values_, total);
  // What the products' sums of p terms round off: a singular value below it is noise.
  const double lost =
      static_cast<double>(p_) * std::numeric_limits<double>::epsilon() * values_.front();
  if (values_.back() > lost) {
    spectrum.condition_number = kernels::Sqrt(values_.front() / values_.back());
  }
  return spectrum;
}

template class Sensitivities<float>;
template class Sensitivities<double>;

}  // namespace millrace::engine
