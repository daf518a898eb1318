// Element updates of the optimizers, as functors: what depends on the rates alone is computed once
// in the constructor, the call handles one parameter. Slots are updated in place; the result is the
// change to be added to the parameter.
//
// The order of operations written here is the definition of the bits.
#ifndef MILLRACE_KERNELS_MATH_UPDATES_H_
#define MILLRACE_KERNELS_MATH_UPDATES_H_

#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::kernels {

// change = -rate g.
template <typename T>
class SgdUpdate {
 public:
  MILLRACE_HD explicit SgdUpdate(const UpdateRates<T>& rates) : rate_(rates.rate) {}
  MILLRACE_HD T operator()(T g) const { return -rate_ * g; }

 private:
  T rate_;
};

// m = beta1 m + g; change = -rate m (Polyak 1964, as PyTorch's SGD).
template <typename T>
class MomentumUpdate {
 public:
  MILLRACE_HD explicit MomentumUpdate(const UpdateRates<T>& rates)
      : rate_(rates.rate), beta1_(rates.beta1) {}
  MILLRACE_HD T operator()(T g, T& m) const {
    m = beta1_ * m + g;
    return -rate_ * m;
  }

 private:
  T rate_;
  T beta1_;
};

// v = beta2 v + (1 - beta2) g^2, and sqrt(v / correction2) + eps or sqrt(v / correction2 + eps).
// The correction is applied as a product with its reciprocal; both places of epsilon are added, one
// of them as zero, which changes no bit.
template <typename T>
class SecondMoment {
 public:
  MILLRACE_HD explicit SecondMoment(const UpdateRates<T>& rates)
      : beta2_(rates.beta2),
        complement_(T(1) - rates.beta2),
        uncorrect_(T(1) / rates.correction2),
        inner_(rates.epsilon_inside ? rates.epsilon : T(0)),
        outer_(rates.epsilon_inside ? T(0) : rates.epsilon) {}
  MILLRACE_HD T operator()(T g, T& v) const {
    v = beta2_ * v + complement_ * (g * g);
    return Sqrt(v * uncorrect_ + inner_) + outer_;
  }

 private:
  T beta2_;
  T complement_;
  T uncorrect_;
  T inner_;
  T outer_;
};

// change = -rate g / SecondMoment (Tieleman and Hinton 2012).
template <typename T>
class RmspropUpdate {
 public:
  MILLRACE_HD explicit RmspropUpdate(const UpdateRates<T>& rates)
      : rate_(rates.rate), second_(rates) {}
  MILLRACE_HD T operator()(T g, T& v) const { return -rate_ * g / second_(g, v); }

 private:
  T rate_;
  SecondMoment<T> second_;
};

// m = beta1 m + (1 - beta1) g; change = -rate (m / correction1) / SecondMoment
// - rate weight_decay theta (Kingma and Ba 2015; decay apart, Loshchilov and Hutter 2019).
template <typename T>
class AdamUpdate {
 public:
  MILLRACE_HD explicit AdamUpdate(const UpdateRates<T>& rates)
      : beta1_(rates.beta1),
        complement_(T(1) - rates.beta1),
        step_(rates.rate / rates.correction1),
        decay_(rates.rate * rates.weight_decay),
        second_(rates) {}
  MILLRACE_HD T operator()(T g, T theta, T& m, T& v) const {
    m = beta1_ * m + complement_ * g;
    return -step_ * m / second_(g, v) - decay_ * theta;
  }

 private:
  T beta1_;
  T complement_;
  T step_;
  T decay_;
  SecondMoment<T> second_;
};

}  // namespace millrace::kernels

#endif  // MILLRACE_KERNELS_MATH_UPDATES_H_
