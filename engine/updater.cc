#include "engine/updater.h"

#include <algorithm>
#include <cmath>

#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr std::uint64_t kMeasureEvery = 64;

template <typename T, std::size_t N>
void VisitArray(StateVisitor& visitor, const char* name, std::array<T, N>& values) {
  for (std::size_t i = 0; i < N; ++i) {
    visitor.Value(std::string(name) + "." + std::to_string(i), values[i]);
  }
}

}  // namespace

template <typename T>
void Weights<T>::Visit(StateVisitor& visitor) {
  visitor.Fixed("weights", theta);
  visitor.Fixed("slot1", slot1);
  visitor.Fixed("slot2", slot2);
  visitor.Fixed("power1", power1);
  visitor.Fixed("power2", power2);
}

template <typename T>
void Updater<T>::Initialize(const Optimizer<T>& optimizer, Weights<T>* weights) const {
  const auto p = static_cast<std::size_t>(layout_.size());
  const auto columns = static_cast<std::size_t>(layout_.columns());
  weights->slot1.assign(optimizer.uses_slot1() ? p : 0, T{0});
  weights->slot2.assign(optimizer.uses_slot2() ? p : 0, T{0});
  weights->power1.assign(columns, 1.0);
  weights->power2.assign(columns, 1.0);
}

template <typename T>
bool Updater<T>::SamePowers(const Weights<T>& weights, std::int64_t first,
                            std::int64_t count) const {
  const auto at = static_cast<std::size_t>(first);
  for (std::size_t i = at; i < at + static_cast<std::size_t>(count); ++i) {
    if (weights.power1[i] != weights.power1[at] || weights.power2[i] != weights.power2[at]) {
      return false;
    }
  }
  return true;
}

template <typename T>
void Updater<T>::CollectInput(const ActiveColumns& active, const Weights<T>& weights) {
  const auto row = [&](std::int64_t j) {
    spans_.push_back({Group::kInput, layout_.input() + j * layout_.n, layout_.n,
                      ParameterLayout::InputColumn(j)});
  };
  if (active.only_byte) {
    if (active.byte >= 0) row(active.byte);
    return;
  }
  const bool all =
      active.present == nullptr || std::all_of(active.present, active.present + layout_.d,
                                               [](std::uint8_t present) { return present != 0; });
  if (all && SamePowers(weights, ParameterLayout::InputColumn(0), layout_.d)) {
    spans_.push_back(
        {Group::kInput, layout_.input(), layout_.d * layout_.n, ParameterLayout::InputColumn(0)});
    return;
  }
  for (std::int64_t j = 0; j < layout_.d; ++j) {
    if (all || active.present[j] != 0) row(j);
  }
}

template <typename T>
void Updater<T>::CollectReadout(const ActiveColumns& active, const Weights<T>& weights) {
  const std::int64_t start = layout_.readout();
  const std::int64_t count = layout_.size() - start;
  const bool all =
      active.known == nullptr || std::all_of(active.known, active.known + layout_.m,
                                             [](std::uint8_t known) { return known != 0; });
  if (all && SamePowers(weights, layout_.OutputColumn(0), layout_.m)) {
    spans_.push_back({Group::kReadout, start, count, layout_.OutputColumn(0)});
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t output = i % layout_.m;
    if (!all && active.known[output] == 0) continue;
    spans_.push_back({Group::kReadout, start + i, 1, layout_.OutputColumn(output)});
  }
}

template <typename T>
void Updater<T>::CollectSpans(const Optimizer<T>& optimizer, const ActiveColumns& active,
                              const Weights<T>& weights) {
  spans_.clear();
  if (optimizer.rate(Group::kRecurrent) > 0) {
    spans_.push_back(
        {Group::kRecurrent, 0, layout_.n * layout_.n, ParameterLayout::RecurrentColumn()});
  }
  if (optimizer.rate(Group::kInput) > 0) CollectInput(active, weights);
  if (optimizer.rate(Group::kBias) > 0) {
    spans_.push_back({Group::kBias, layout_.bias(), layout_.n, ParameterLayout::BiasColumn()});
  }
  if (optimizer.rate(Group::kReadout) > 0) CollectReadout(active, weights);
}

template <typename T>
void Updater<T>::ScaleGroup(std::size_t group, T scale, T* g) {
  for (const Span& span : spans_) {
    if (static_cast<std::size_t>(span.group) != group) continue;
    kernels::Scale(g + span.offset, scale, span.size);
  }
}

// False where the gradient is not finite (or so large that its square is not).
template <typename T>
bool Updater<T>::Clip(const GuardSettings& guard, T* g) {
  std::array<double, kGroups> squares{};
  for (const Span& span : spans_) {
    squares[static_cast<std::size_t>(span.group)] +=
        static_cast<double>(kernels::SumSquares(g + span.offset, span.size));
  }
  double total = 0;
  for (const double square : squares) total += square;
  if (!std::isfinite(total)) return false;
  for (std::size_t i = 0; i < kGroups; ++i) gradient_norm_[i] = kernels::Sqrt(squares[i]);

  clipped_ = false;
  for (std::size_t i = 0; i < kGroups; ++i) {
    const double norm = guard.clip_per_group ? gradient_norm_[i] : kernels::Sqrt(total);
    if (guard.clip_norm <= 0 || norm <= guard.clip_norm) continue;
    ScaleGroup(i, static_cast<T>(guard.clip_norm / norm), g);
    clipped_ = true;
  }
  return true;
}

template <typename T>
void Updater<T>::AdvancePowers(const Optimizer<T>& optimizer, Weights<T>* weights) const {
  // Each column once, though the spans of a readout may name it often.
  const Moments& moments = optimizer.moments();
  const auto advance = [&](std::int64_t column) {
    const auto at = static_cast<std::size_t>(column);
    weights->power1[at] *= moments.beta1;
    weights->power2[at] *= moments.beta2;
  };
  for (const Span& span : spans_) {
    if (span.group == Group::kReadout) {
      if (span.size > 1) {
        for (std::int64_t k = 0; k < layout_.m; ++k) advance(layout_.OutputColumn(k));
      } else if (span.offset < layout_.readout() + layout_.m) {
        advance(span.column);
      }
    } else if (span.group == Group::kInput && span.size > layout_.n) {
      for (std::int64_t j = 0; j < layout_.d; ++j) advance(ParameterLayout::InputColumn(j));
    } else {
      advance(span.column);
    }
  }
}

template <typename T>
void Updater<T>::BoundChange(const GuardSettings& guard, std::uint64_t release,
                             const Weights<T>& weights, T* change) {
  const bool bounded = guard.max_step_change > 0 || guard.max_release_change > 0;
  if (release != release_) {
    release_ = release;
    release_change_.fill(0);
  }
  if (!bounded && applied_ % kMeasureEvery != 0) return;
  std::array<double, kGroups> squares{}, sizes{};
  for (const Span& span : spans_) {
    const auto at = static_cast<std::size_t>(span.group);
    squares[at] += static_cast<double>(kernels::SumSquares(change + span.offset, span.size));
    sizes[at] +=
        static_cast<double>(kernels::SumSquares(weights.theta.data() + span.offset, span.size));
  }
  for (std::size_t i = 0; i < kGroups; ++i) {
    relative_change_[i] = sizes[i] > 0 ? kernels::Sqrt(squares[i] / sizes[i]) : 0.0;
    if (!bounded || relative_change_[i] == 0) continue;
    double allowed = relative_change_[i];
    if (guard.max_step_change > 0) allowed = std::min(allowed, guard.max_step_change);
    if (guard.max_release_change > 0) {
      allowed = std::min(allowed, std::max(0.0, guard.max_release_change - release_change_[i]));
    }
    if (allowed < relative_change_[i]) {
      ScaleGroup(i, static_cast<T>(allowed / relative_change_[i]), change);
      relative_change_[i] = allowed;
    }
    release_change_[i] += relative_change_[i];
  }
}

template <typename T>
UpdateResult Updater<T>::Apply(const Optimizer<T>& optimizer, const GuardSettings& guard,
                               const ActiveColumns& active, std::uint64_t release, T* g,
                               Weights<T>* weights) {
  CollectSpans(optimizer, active, *weights);
  if (!Clip(guard, g)) return UpdateResult::kNotFinite;
  AdvancePowers(optimizer, weights);
  for (const Span& span : spans_) {
    const auto column = static_cast<std::size_t>(span.column);
    T* const slot1 = weights->slot1.empty() ? nullptr : weights->slot1.data() + span.offset;
    T* const slot2 = weights->slot2.empty() ? nullptr : weights->slot2.data() + span.offset;
    optimizer.Change(optimizer.Rates(span.group, weights->power1[column], weights->power2[column]),
                     span.size, weights->theta.data() + span.offset, slot1, slot2, g + span.offset);
  }
  BoundChange(guard, release, *weights, g);
  for (const Span& span : spans_) {
    kernels::AddScaled(g + span.offset, T{1}, span.size, weights->theta.data() + span.offset);
  }
  ++applied_;
  return UpdateResult::kDone;
}

template <typename T>
void Updater<T>::Visit(StateVisitor& visitor) {
  visitor.Value("update_release", release_);
  visitor.Value("update_count", applied_);
  VisitArray(visitor, "update_release_change", release_change_);
  VisitArray(visitor, "update_gradient_norm", gradient_norm_);
  VisitArray(visitor, "update_relative_change", relative_change_);
}

template struct Weights<float>;
template struct Weights<double>;
template class Updater<float>;
template class Updater<double>;

}  // namespace millrace::engine
