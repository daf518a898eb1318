// The optimizers' second sweep over weights whose gradient is in traces, as steps: g is formed anew
// from the traces, and weights and slots are read once, changed and written once. Shapes and
// orders: kernels/traces.h.
#ifndef MILLRACE_KERNELS_STEPS_TRACED_UPDATES_H_
#define MILLRACE_KERNELS_STEPS_TRACED_UPDATES_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/updates.h"
#include "kernels/steps/sweeps.h"
#include "kernels/steps/update_at.h"
#include "kernels/traces.h"

namespace millrace::kernels::steps {

// Changes a parameter by its gradient.
template <typename T, typename Update>
MILLRACE_HD void UpdateTracedAt(const Update& update, const TracedMap<T>& map, std::int64_t at,
                                T g) {
  UpdateAt(update, update.ForRow(g), T(1), T(1), map, at);
}

// One output, or two, are in the loop; of another number, g is summed by a loop of its own.
template <typename T, typename Update, typename Exec>
MILLRACE_HD void UpdateTraced(Exec& exec, const Update& update, const TracedMap<T>& map) {
  // By value: nothing that a loop writes can be one of them.
  const TracedMap<T> m = map;
  const TraceOutput<T> first = m.count > 0 ? m.outputs[0] : TraceOutput<T>{};
  const TraceOutput<T> last = m.count > 0 ? m.outputs[m.count - 1] : TraceOutput<T>{};
  if (m.count == 1) {
    exec.ForPairs(m.rows, m.n, [=](std::int64_t r, std::int64_t i) {
      const std::int64_t at = r * m.n + i;
      UpdateTracedAt(update, m, at, m.scale * (first.q[i] * first.values[m.skipped + at]));
    });
  } else if (m.count == 2) {
    exec.ForPairs(m.rows, m.n, [=](std::int64_t r, std::int64_t i) {
      const std::int64_t at = r * m.n + i;
      const T g =
          MulAdd(last.q[i], last.values[m.skipped + at], first.q[i] * first.values[m.skipped + at]);
      UpdateTracedAt(update, m, at, m.scale * g);
    });
  } else {
    exec.ForPairs(m.rows, m.n, [=](std::int64_t r, std::int64_t i) {
      const std::int64_t at = r * m.n + i;
      const T g = OutputsAt(m.outputs, m.count, m.skipped + at, i);
      UpdateTracedAt(update, m, at, m.scale * g);
    });
  }
}

template <typename T, UpdateKind kKind>
struct TracedUpdate {
  UpdateRates<T> rates;
  TracedMap<T> map;

  template <typename Exec>
  MILLRACE_HD void Run(Exec& exec) const {
    WithUpdate<kKind>(rates, [&](const auto& update) { UpdateTraced<T>(exec, update, map); });
  }
};

template <typename T>
using SgdTraced = TracedUpdate<T, UpdateKind::kSgd>;
template <typename T>
using MomentumTraced = TracedUpdate<T, UpdateKind::kMomentum>;
template <typename T>
using RmspropTraced = TracedUpdate<T, UpdateKind::kRmsprop>;
template <typename T>
using AdamTraced = TracedUpdate<T, UpdateKind::kAdam>;

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_TRACED_UPDATES_H_
