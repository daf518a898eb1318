// Element updates of the optimizers, as functors: what depends on the rates alone is computed once
// in the constructor, what depends on a row of the gradient once a row, the call handles one
// parameter: its row, its column's d and d^2. Slots are updated in place; the result is the change
// to be added to the parameter.
//
// The gradient of a parameter is x d: x belongs to its row (what comes in), d to its column (what
// goes back). A gradient that was stored is a row of its own: x is the gradient, d is 1. So
// rank-one gradients are never written down, and both forms are one definition.
//
// The order of operations written here is the definition of the bits.
#ifndef MILLRACE_KERNELS_MATH_UPDATES_H_
#define MILLRACE_KERNELS_MATH_UPDATES_H_

#include "kernels/math/inverse_root.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/ops.h"

namespace millrace::kernels {

// What a parameter has: its value before the change and its slots, each where the update has it
// (kTheta, kFirst, kSecond).
template <typename T>
struct Slots {
  T theta;
  T first;
  T second;
};

// change = -rate g.
template <typename T>
class SgdUpdate {
 public:
  static constexpr bool kTheta = false;
  static constexpr bool kFirst = false;
  static constexpr bool kSecond = false;
  struct Row {
    T step;
  };
  MILLRACE_HD explicit SgdUpdate(const UpdateRates<T>& rates) : rate_(rates.rate) {}
  MILLRACE_HD Row ForRow(T x) const { return {-rate_ * x}; }
  MILLRACE_HD T operator()(const Row& row, T d, T, Slots<T>&) const { return row.step * d; }

 private:
  T rate_;
};

// m = beta1 m + g; change = -rate m (Polyak 1964, as PyTorch's SGD).
template <typename T>
class MomentumUpdate {
 public:
  static constexpr bool kTheta = false;
  static constexpr bool kFirst = true;
  static constexpr bool kSecond = false;
  struct Row {
    T x;
  };
  MILLRACE_HD explicit MomentumUpdate(const UpdateRates<T>& rates)
      : rate_(rates.rate), beta1_(rates.beta1) {}
  MILLRACE_HD Row ForRow(T x) const { return {x}; }
  MILLRACE_HD T operator()(const Row& row, T d, T, Slots<T>& slots) const {
    slots.first = MulAdd(row.x, d, beta1_ * slots.first);
    return -rate_ * slots.first;
  }

 private:
  T rate_;
  T beta1_;
};

// What of a second moment's arithmetic is known before a loop. corrected: false where the
// correction has become 1, and its product with a number that number.
template <bool inside, bool corrected>
struct Root {
  static constexpr bool kInside = inside;
  static constexpr bool kCorrected = corrected;
};

// visit(Root) for the rates.
template <typename T, typename Visit>
MILLRACE_HD void WithRoot(const UpdateRates<T>& rates, const Visit& visit) {
  const bool corrected = rates.correction2 != T(1);
  if (rates.epsilon_inside)
    return corrected ? visit(Root<true, true>()) : visit(Root<true, false>());
  return corrected ? visit(Root<false, true>()) : visit(Root<false, false>());
}

// v = beta2 v + (1 - beta2) g^2, and what divides a step: sqrt(v / correction2) + eps, or with eps
// inside sqrt(v / correction2 + eps). The correction is a product with its reciprocal.
template <typename T, typename Root>
class SecondMoment {
 public:
  MILLRACE_HD explicit SecondMoment(const UpdateRates<T>& rates)
      : beta2_(rates.beta2),
        complement_(T(1) - rates.beta2),
        uncorrect_(T(1) / rates.correction2),
        epsilon_(rates.epsilon) {}
  // Of a row.
  MILLRACE_HD T Square(T x) const { return complement_ * (x * x); }
  MILLRACE_HD T Next(T row_square, T column_square, T v) const {
    return MulAdd(row_square, column_square, beta2_ * v);
  }
  MILLRACE_HD T Divide(T step, T v) const {
    const T u = Root::kCorrected ? v * uncorrect_ : v;
    if constexpr (Root::kInside) return step * InverseRoot(u + epsilon_);
    return step / RootPlus(u, epsilon_);
  }

 private:
  T beta2_;
  T complement_;
  T uncorrect_;
  T epsilon_;
};

// change = -rate g / SecondMoment (Tieleman and Hinton 2012).
template <typename T, typename Root>
class RmspropUpdate {
 public:
  static constexpr bool kTheta = false;
  static constexpr bool kFirst = false;
  static constexpr bool kSecond = true;
  struct Row {
    T square;
    T step;
  };
  MILLRACE_HD explicit RmspropUpdate(const UpdateRates<T>& rates)
      : rate_(rates.rate), second_(rates) {}
  MILLRACE_HD Row ForRow(T x) const { return {second_.Square(x), -rate_ * x}; }
  MILLRACE_HD T operator()(const Row& row, T d, T square, Slots<T>& slots) const {
    slots.second = second_.Next(row.square, square, slots.second);
    return second_.Divide(row.step * d, slots.second);
  }

 private:
  T rate_;
  SecondMoment<T, Root> second_;
};

// m = beta1 m + (1 - beta1) g; change = -rate (m / correction1) / SecondMoment
// - rate weight_decay theta (Kingma and Ba 2015; decay apart, Loshchilov and Hutter 2019).
template <typename T, typename Root>
class AdamUpdate {
 public:
  static constexpr bool kTheta = true;
  static constexpr bool kFirst = true;
  static constexpr bool kSecond = true;
  struct Row {
    T square;
    T x;
  };
  MILLRACE_HD explicit AdamUpdate(const UpdateRates<T>& rates)
      : beta1_(rates.beta1),
        complement_(T(1) - rates.beta1),
        step_(rates.rate / rates.correction1),
        decay_(rates.rate * rates.weight_decay),
        second_(rates) {}
  MILLRACE_HD Row ForRow(T x) const { return {second_.Square(x), complement_ * x}; }
  MILLRACE_HD T operator()(const Row& row, T d, T square, Slots<T>& slots) const {
    slots.first = MulAdd(row.x, d, beta1_ * slots.first);
    slots.second = second_.Next(row.square, square, slots.second);
    return second_.Divide(-step_ * slots.first, slots.second) - decay_ * slots.theta;
  }

 private:
  T beta1_;
  T complement_;
  T step_;
  T decay_;
  SecondMoment<T, Root> second_;
};

// visit(update) with the element update of a kind.
template <UpdateKind kKind, typename T, typename Visit>
MILLRACE_HD void WithUpdate(const UpdateRates<T>& rates, const Visit& visit) {
  if constexpr (kKind == UpdateKind::kSgd) {
    visit(SgdUpdate<T>(rates));
  } else if constexpr (kKind == UpdateKind::kMomentum) {
    visit(MomentumUpdate<T>(rates));
  } else if constexpr (kKind == UpdateKind::kRmsprop) {
    WithRoot(rates, [&](auto root) { visit(RmspropUpdate<T, decltype(root)>(rates)); });
  } else {
    WithRoot(rates, [&](auto root) { visit(AdamUpdate<T, decltype(root)>(rates)); });
  }
}

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_UPDATES_H_
