// RMSprop over float weights whose gradient is an outer product (steps/outer_updates.h) or in
// traces (steps/traced_updates.h), a few vectors side by side. A vector's update is a chain of a
// dozen operations, each waiting for the one before: where vectors come one after the other, a
// processor's queues fill up with the waiting ones. The bits are those of the step.
#ifndef MILLRACE_KERNELS_CPU_RMSPROP_SWEEP_H_
#define MILLRACE_KERNELS_CPU_RMSPROP_SWEEP_H_

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/vectors.h"
#include "kernels/math/inverse_root.h"
#include "kernels/math/mul_add.h"
#include "kernels/math/platform.h"
#include "kernels/math/updates.h"
#include "kernels/steps/outer_updates.h"
#include "kernels/steps/sweeps.h"
#include "kernels/steps/traced_updates.h"
#include "kernels/steps/update_at.h"
#include "kernels/traces.h"

namespace millrace::kernels::cpu {

// What both sweeps do to some vectors.
template <typename Target>
class RmspropVectors {
 public:
  using Lanes = Vectors<Target, float>;
  using Vector = typename Lanes::Vector;
  // As many as registers hold.
  static constexpr int kSide = kVectorsOfSums<Target> == 16 ? 4 : 2;

  explicit RmspropVectors(const UpdateRates<float>& rates) : rates_(rates) {}
  const UpdateRates<float>& rates() const { return rates_; }

  // steps / SecondMoment, in place. The cubic's e has its sign turned, which turns two of its
  // coefficients: the negation of a vector is an operation.
  template <typename Root, int kCount>
  MILLRACE_HD void Divide(const Vector (&moment)[kCount], Vector (&steps)[kCount]) const {
    const Vector epsilon = Lanes::All(rates_.epsilon);
    const Vector uncorrect = Lanes::All(1.0f / rates_.correction2);
    Vector u[kCount], y[kCount], e[kCount], sum[kCount];
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      u[v] = Root::kCorrected ? moment[v] * uncorrect : moment[v];
      if constexpr (Root::kInside) u[v] = u[v] + epsilon;
    });
    Unroll<kCount>(
        [&](auto v) MILLRACE_INLINE { y[v] = (Vector)(internal::kRootSeed - ((Bits)u[v] >> 1)); });
    Unroll<kCount>([&](auto v) MILLRACE_INLINE { u[v] = u[v] * y[v]; });
    Unroll<kCount>([&](auto v)
                       MILLRACE_INLINE { e[v] = Lanes::MulAdd(u[v], y[v], Lanes::All(-1.0f)); });
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      sum[v] = Lanes::MulAdd(Lanes::All(-internal::kRootCubic3), e[v],
                             Lanes::All(internal::kRootCubic2));
    });
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      sum[v] = Lanes::MulAdd(sum[v], e[v], Lanes::All(-internal::kRootCubic1));
    });
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      sum[v] = Lanes::MulAdd(sum[v], e[v], Lanes::All(internal::kRootCubic0));
    });
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      if constexpr (Root::kInside) {
        steps[v] = steps[v] * (y[v] * sum[v]);
      } else {
        steps[v] = steps[v] / Lanes::MulAdd(u[v], sum[v], epsilon);
      }
    });
  }

 private:
  typedef std::uint32_t Bits __attribute__((vector_size(Lanes::kBytes)));

  const UpdateRates<float> rates_;
};

template <typename Target>
class RmspropSweep {
 public:
  explicit RmspropSweep(const steps::RmspropOuter<float>& step)
      : vectors_(step.rates), rates_(step.rates), map_(step.map) {}

  void Run() const {
    WithRoot(rates_, [&](auto root) {
      using Root = decltype(root);
      const std::int64_t whole = map_.n / Lanes::kLanes * Lanes::kLanes;
      for (std::int64_t first = 0; first < map_.k; first += kRowsAtOnce)
        RunRows<Root>(first, whole);
      RunRest(RmspropUpdate<float, Root>(rates_), whole);
    });
  }

 private:
  using Of = RmspropVectors<Target>;
  using Lanes = typename Of::Lanes;
  using Vector = typename Of::Vector;
  static constexpr int kSide = Of::kSide;
  static constexpr std::int64_t kRowsAtOnce = 64;

  // What each of some rows brings.
  struct Rows {
    std::int64_t first, count;
    float square[kRowsAtOnce], step[kRowsAtOnce], next[kRowsAtOnce];
  };

  template <typename Root>
  void RunRows(std::int64_t first, std::int64_t columns) const {
    const RmspropUpdate<float, Root> update(rates_);
    Rows rows;
    rows.first = first;
    rows.count = std::min(map_.k - first, kRowsAtOnce);
    for (std::int64_t j = 0; j < rows.count; ++j) {
      const auto row = update.ForRow(map_.scale * map_.x[first + j]);
      rows.square[j] = row.square;
      rows.step[j] = row.step;
      rows.next[j] = map_.next_x == nullptr ? 0.0f : map_.next_x[first + j];
    }
    std::int64_t i = 0;
    for (; i + kSide * Lanes::kLanes <= columns; i += kSide * Lanes::kLanes) {
      RunTile<Root, kSide>(rows, i);
    }
    for (; i < columns; i += Lanes::kLanes) RunTile<Root, 1>(rows, i);
  }

  // Units i, i + 1, ... of kCount vectors.
  template <typename Root, int kCount>
  MILLRACE_HD void RunTile(const Rows& rows, std::int64_t i) const {
    const Vector beta2 = Lanes::All(rates_.beta2);
    const std::int64_t n = map_.n;
    float* theta = map_.theta + rows.first * n + i;
    float* second = map_.second + rows.first * n + i;
    Vector d[kCount], square[kCount], sum[kCount];
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      d[v] = Lanes::Load(map_.d + i + v * Lanes::kLanes);
      square[v] = d[v] * d[v];
      sum[v] = map_.next_x == nullptr ? Vector{} : Lanes::Load(map_.next + i + v * Lanes::kLanes);
    });
    for (std::int64_t j = 0; j < rows.count; ++j) {
      const Vector row_square = Lanes::All(rows.square[j]);
      const Vector step = Lanes::All(rows.step[j]);
      const Vector next = Lanes::All(rows.next[j]);
      Vector moment[kCount], change[kCount];
      Unroll<kCount>([&](auto v) MILLRACE_INLINE {
        moment[v] = beta2 * Lanes::Load(second + v * Lanes::kLanes);
      });
      Unroll<kCount>([&](auto v) MILLRACE_INLINE {
        moment[v] = Lanes::MulAdd(row_square, square[v], moment[v]);
        Lanes::Store(moment[v], second + v * Lanes::kLanes);
      });
      Unroll<kCount>([&](auto v) MILLRACE_INLINE { change[v] = step * d[v]; });
      vectors_.template Divide<Root, kCount>(moment, change);
      Unroll<kCount>([&](auto v) MILLRACE_INLINE {
        change[v] = Lanes::Load(theta + v * Lanes::kLanes) + change[v];
        Lanes::Store(change[v], theta + v * Lanes::kLanes);
      });
      Unroll<kCount>([&](auto v)
                         MILLRACE_INLINE { sum[v] = Lanes::MulAdd(change[v], next, sum[v]); });
      theta += n;
      second += n;
    }
    if (map_.next_x == nullptr) return;
    Unroll<kCount>(
        [&](auto v) MILLRACE_INLINE { Lanes::Store(sum[v], map_.next + i + v * Lanes::kLanes); });
  }

  // The columns from `first` on, fewer than a vector.
  template <typename Update>
  void RunRest(const Update& update, std::int64_t first) const {
    for (std::int64_t i = first; i < map_.n; ++i) {
      const float d = map_.d[i];
      float sum = map_.next_x == nullptr ? 0.0f : map_.next[i];
      for (std::int64_t j = 0; j < map_.k; ++j) {
        const auto row = update.ForRow(map_.scale * map_.x[j]);
        const float theta = steps::UpdateAt(update, row, d, d * d, map_, j * map_.n + i);
        if (map_.next_x != nullptr) sum = MulAdd(theta, map_.next_x[j], sum);
      }
      if (map_.next_x != nullptr) map_.next[i] = sum;
    }
  }

  const Of vectors_;
  const UpdateRates<float> rates_;
  const OuterMap<float> map_;
};

// The same where the gradient is in one or two traces (steps/traced_updates.h).
template <typename Target>
class RmspropTraceSweep {
 public:
  explicit RmspropTraceSweep(const steps::RmspropTraced<float>& step)
      : vectors_(step.rates), map_(step.map) {}

  void Run() const {
    WithRoot(vectors_.rates(), [&](auto root) {
      if (map_.count == 1) return RunRows<decltype(root), 1>();
      RunRows<decltype(root), 2>();
    });
  }

 private:
  using Of = RmspropVectors<Target>;
  using Lanes = typename Of::Lanes;
  using Vector = typename Of::Vector;

  template <typename Root, int kOutputs>
  void RunRows() const {
    const RmspropUpdate<float, Root> update(vectors_.rates());
    for (std::int64_t r = 0; r < map_.rows; ++r) {
      const std::int64_t row = r * map_.n;
      std::int64_t i = 0;
      for (; i + Of::kSide * Lanes::kLanes <= map_.n; i += Of::kSide * Lanes::kLanes) {
        RunVectors<Root, kOutputs, Of::kSide>(row, i);
      }
      for (; i + Lanes::kLanes <= map_.n; i += Lanes::kLanes) {
        RunVectors<Root, kOutputs, 1>(row, i);
      }
      for (; i < map_.n; ++i) {
        const float g =
            map_.scale * steps::OutputsAt(map_.outputs, kOutputs, map_.skipped + row + i, i);
        steps::UpdateAt(update, update.ForRow(g), 1.0f, 1.0f, map_, row + i);
      }
    }
  }

  // Units i, i + 1, ... of kCount vectors.
  template <typename Root, int kOutputs, int kCount>
  MILLRACE_HD void RunVectors(std::int64_t row, std::int64_t i) const {
    const UpdateRates<float>& rates = vectors_.rates();
    const Vector complement = Lanes::All(1.0f - rates.beta2);
    const Vector beta2 = Lanes::All(rates.beta2);
    float* const theta = map_.theta + row + i;
    float* const second = map_.second + row + i;
    Vector g[kCount], moment[kCount];
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      g[v] = Product(map_.outputs[0], row, i + v * Lanes::kLanes);
      if constexpr (kOutputs == 2) {
        const TraceOutput<float>& last = map_.outputs[1];
        const std::int64_t place = i + v * Lanes::kLanes;
        g[v] = Lanes::MulAdd(Lanes::Load(last.q + place),
                             Lanes::Load(last.values + map_.skipped + row + place), g[v]);
      }
      g[v] = Lanes::All(map_.scale) * g[v];
    });
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      const Vector old = Lanes::Load(second + v * Lanes::kLanes);
      moment[v] = complement * (g[v] * g[v]) + beta2 * old;
      Lanes::Store(moment[v], second + v * Lanes::kLanes);
    });
    Unroll<kCount>([&](auto v) MILLRACE_INLINE { g[v] = Lanes::All(-rates.rate) * g[v]; });
    vectors_.template Divide<Root, kCount>(moment, g);
    Unroll<kCount>([&](auto v) MILLRACE_INLINE {
      Lanes::Store(Lanes::Load(theta + v * Lanes::kLanes) + g[v], theta + v * Lanes::kLanes);
    });
  }
  MILLRACE_HD Vector Product(const TraceOutput<float>& of, std::int64_t row, std::int64_t i) const {
    return Lanes::Load(of.q + i) * Lanes::Load(of.values + map_.skipped + row + i);
  }

  const Of vectors_;
  const TracedMap<float> map_;
};

}  // namespace millrace::kernels::cpu

#endif  // MILLRACE_KERNELS_CPU_RMSPROP_SWEEP_H_
