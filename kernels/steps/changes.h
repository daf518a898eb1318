// The optimizers' loops over a range of parameters, as steps: g becomes the change to be added.
#ifndef MILLRACE_KERNELS_STEPS_CHANGES_H_
#define MILLRACE_KERNELS_STEPS_CHANGES_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/updates.h"
#include "kernels/ops.h"

namespace millrace::kernels::steps {

template <typename T, UpdateKind kKind>
struct StoredUpdate {
  UpdateRates<T> rates;
  ParameterRange<T> range;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    WithUpdate<kKind>(rates, [&](const auto& update) { ChangeEach(exec, update); });
  }

 private:
  template <typename Exec, typename Update>
  MILLRACE_HD void ChangeEach(Exec& exec, const Update& update) const {
    const ParameterRange<T> r = range;
    exec.For(r.p, [&](std::int64_t i) {
      Slots<T> slots{};
      if constexpr (Update::kFirst) slots.first = r.first[i];
      if constexpr (Update::kSecond) slots.second = r.second[i];
      if constexpr (Update::kTheta) slots.theta = r.theta[i];
      r.g[i] = update(update.ForRow(r.g[i]), T(1), T(1), slots);
      if constexpr (Update::kFirst) r.first[i] = slots.first;
      if constexpr (Update::kSecond) r.second[i] = slots.second;
    });
  }
};

template <typename T>
using SgdChange = StoredUpdate<T, UpdateKind::kSgd>;
template <typename T>
using MomentumChange = StoredUpdate<T, UpdateKind::kMomentum>;
template <typename T>
using RmspropChange = StoredUpdate<T, UpdateKind::kRmsprop>;
template <typename T>
using AdamChange = StoredUpdate<T, UpdateKind::kAdam>;

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_CHANGES_H_
