// The optimizers' sweeps over a map whose gradient is an outer product, as steps: the weights and
// slots of a row are read once, changed and written once, and while the new weights are at hand
// they meet the vector that the map sees next. Shapes: kernels/ops.h.
#ifndef MILLRACE_KERNELS_STEPS_OUTER_UPDATES_H_
#define MILLRACE_KERNELS_STEPS_OUTER_UPDATES_H_

#include <cstdint>

#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/math/updates.h"
#include "kernels/ops.h"
#include "kernels/steps/update_at.h"

namespace millrace::kernels::steps {

// What a row of the map brings: to the update, and to the sum over what is seen next.
template <typename T, typename Update>
struct OuterRow {
  typename Update::Row of_update;
  T next_x;
};

template <typename T, typename Update, typename Exec>
MILLRACE_HD void UpdateOuter(Exec& exec, const Update& update, const OuterMap<T>& map) {
  using Row = OuterRow<T, Update>;
  // By value: nothing that a loop writes can be one of them.
  const OuterMap<T> m = map;
  if (m.next_x == nullptr) {
    exec.Sweep(
        m.k, m.n, m.d, static_cast<T*>(nullptr),
        [=](std::int64_t j) {
          return Row{update.ForRow(m.scale * m.x[j]), T(0)};
        },
        [=](const Row& row, T d, T square, std::int64_t at, T sum) {
          UpdateAt(update, row.of_update, d, square, m, at);
          return sum;
        });
    return;
  }
  exec.Sweep(
      m.k, m.n, m.d, m.next,
      [=](std::int64_t j) {
        return Row{update.ForRow(m.scale * m.x[j]), m.next_x[j]};
      },
      [=](const Row& row, T d, T square, std::int64_t at, T sum) {
        return MulAdd(UpdateAt(update, row.of_update, d, square, m, at), row.next_x, sum);
      });
}

template <typename T, UpdateKind kKind>
struct OuterUpdate {
  UpdateRates<T> rates;
  OuterMap<T> map;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    WithUpdate<kKind>(rates, [&](const auto& update) { UpdateOuter<T>(exec, update, map); });
  }
};

template <typename T>
using SgdOuter = OuterUpdate<T, UpdateKind::kSgd>;
template <typename T>
using MomentumOuter = OuterUpdate<T, UpdateKind::kMomentum>;
template <typename T>
using RmspropOuter = OuterUpdate<T, UpdateKind::kRmsprop>;
template <typename T>
using AdamOuter = OuterUpdate<T, UpdateKind::kAdam>;

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_OUTER_UPDATES_H_
