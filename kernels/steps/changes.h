// The optimizers' loops over a range of parameters, as steps: g becomes the change to be added.
#ifndef MILLRACE_KERNELS_STEPS_CHANGES_H_
#define MILLRACE_KERNELS_STEPS_CHANGES_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/updates.h"
#include "kernels/ops.h"

namespace millrace::kernels::steps {

// g [p] becomes the change; theta and the slots [p] where Update has them.
template <typename T, typename Update, typename Exec>
MILLRACE_HD void ChangeEach(Exec& exec, const Update& update, std::int64_t p, const T* theta,
                            T* first, T* second, T* g) {
  exec.For(p, [&](std::int64_t i) {
    Slots<T> slots{};
    if constexpr (Update::kFirst) slots.first = first[i];
    if constexpr (Update::kSecond) slots.second = second[i];
    if constexpr (Update::kTheta) slots.theta = theta[i];
    g[i] = update(update.ForRow(g[i]), T(1), T(1), slots);
    if constexpr (Update::kFirst) first[i] = slots.first;
    if constexpr (Update::kSecond) second[i] = slots.second;
  });
}

template <typename T>
struct SgdChange {
  UpdateRates<T> rates;
  std::int64_t p;
  T* g;  // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    ChangeEach<T>(exec, SgdUpdate<T>(rates), p, g, g, g, g);
  }
};

template <typename T>
struct MomentumChange {
  UpdateRates<T> rates;
  std::int64_t p;
  T* m;  // [p]
  T* g;  // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    ChangeEach<T>(exec, MomentumUpdate<T>(rates), p, g, m, g, g);
  }
};

template <typename T>
struct RmspropChange {
  UpdateRates<T> rates;
  std::int64_t p;
  T* v;  // [p]
  T* g;  // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    WithRoot(rates, [&](auto root) {
      ChangeEach<T>(exec, RmspropUpdate<T, decltype(root)>(rates), p, g, g, v, g);
    });
  }
};

template <typename T>
struct AdamChange {
  UpdateRates<T> rates;
  std::int64_t p;
  const T* theta;  // [p]
  T* m;            // [p]
  T* v;            // [p]
  T* g;            // [p]

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    WithRoot(rates, [&](auto root) {
      ChangeEach<T>(exec, AdamUpdate<T, decltype(root)>(rates), p, theta, m, v, g);
    });
  }
};

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_CHANGES_H_
