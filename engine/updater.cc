#include "engine/updater.h"

#include <algorithm>
#include <cmath>

#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr std::uint64_t kMeasureEvery = 64;
// Outer products of fewer columns are written out: vectors run over columns.
constexpr std::int64_t kNarrow = 16;
// Rows whose change is measured at a time.
constexpr std::int64_t kMeasuredRows = 8;

template <typename T, std::size_t N>
void VisitArray(StateVisitor& visitor, const char* name, std::array<T, N>& values) {
  for (std::size_t i = 0; i < N; ++i) {
    visitor.Value(std::string(name) + "." + std::to_string(i), values[i]);
  }
}

// |x_0| + |x_1| + ..., in 8 lanes: lane l adds the elements l, l + 8, ... in order; lanes are then
// added in order.
template <typename T>
double SumAbsolute(const T* x, std::int64_t n) {
  std::array<double, 8> lanes{};
  for (std::int64_t i = 0; i < n; ++i) {
    lanes[static_cast<std::size_t>(i % 8)] += std::fabs(static_cast<double>(x[i]));
  }
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
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
Updater<T>::Updater(const ParameterLayout& layout) : layout_(layout) {
  std::size_t spans = 0;
  std::size_t powers = 0;
  std::int64_t narrow = 0;
  std::int64_t widest = 0;
  for (const ParameterBlock& block : layout_.blocks()) {
    spans += static_cast<std::size_t>(block.columns_wait ? block.size() : block.rows);
    powers += static_cast<std::size_t>(block.powers());
    narrow = std::max(narrow, block.width < kNarrow ? block.size() : kNarrow);
    widest = std::max(widest, block.width);
    if (block.columns_wait) outputs_ = block.width;
  }
  spans_.reserve(spans);
  powers_.reserve(powers);
  narrow_.resize(static_cast<std::size_t>(narrow));
  before_.resize(static_cast<std::size_t>(kMeasuredRows * widest));
}

template <typename T>
void Updater<T>::Initialize(const Optimizer<T>& optimizer, Weights<T>* weights) const {
  const auto p = static_cast<std::size_t>(layout_.size());
  const auto powers = static_cast<std::size_t>(layout_.powers());
  weights->slot1.assign(optimizer.uses_slot1() ? p : 0, T{0});
  weights->slot2.assign(optimizer.uses_slot2() ? p : 0, T{0});
  weights->power1.assign(powers, 1.0);
  weights->power2.assign(powers, 1.0);
}

template <typename T>
template <typename Piece>
void Updater<T>::Find(const std::vector<Piece>& pieces, const Piece* Span::*piece) {
  auto at = pieces.begin();
  for (Span& span : spans_) {
    while (at != pieces.end() && at->offset + at->rows * at->width <= span.offset) ++at;
    if (at == pieces.end()) return;
    if (at->offset <= span.offset) span.*piece = &*at;
  }
}

template <typename T>
double Updater<T>::Squares(const Span& span, const T* stored) {
  if (span.traced != nullptr) {
    // Those of all its spans, which follow one another.
    if (span.traced == counted_) return 0;
    counted_ = span.traced;
    return static_cast<double>(counted_->squares);
  }
  if (span.outer == nullptr) {
    return static_cast<double>(kernels::SumSquares(stored + span.offset, span.size));
  }
  // The blocks of a gate share d.
  const T* const d = span.outer->d + span.column();
  if (d != squared_ || span.columns() != squared_columns_) {
    squared_ = d;
    squared_columns_ = span.columns();
    column_squares_ = static_cast<double>(kernels::SumSquares(d, span.columns()));
  }
  return static_cast<double>(kernels::SumSquares(span.outer->x + span.row(), span.rows())) *
         column_squares_;
}

template <typename T>
double Updater<T>::Absolutes(const Span& span, const T* stored) const {
  if (span.outer == nullptr) return SumAbsolute(stored + span.offset, span.size);
  return SumAbsolute(span.outer->x + span.row(), span.rows()) *
         SumAbsolute(span.outer->d + span.column(), span.columns()) *
         static_cast<double>(scale_[static_cast<std::size_t>(span.group)]);
}

template <typename T>
void Updater<T>::ScaleGroup(std::size_t group, T scale, T* stored) {
  for (const Span& span : spans_) {
    if (static_cast<std::size_t>(span.group) != group || !span.stored()) continue;
    kernels::Scale(stored + span.offset, scale, span.size);
  }
}

// False where the gradient is not finite (or so large that its square is not).
template <typename T>
bool Updater<T>::Clip(const GuardSettings& guard, T* stored) {
  std::array<double, kGroups> squares{};
  squared_ = nullptr;
  counted_ = nullptr;
  for (const Span& span : spans_) {
    squares[static_cast<std::size_t>(span.group)] += Squares(span, stored);
  }
  double total = 0;
  for (const double square : squares) total += square;
  if (!std::isfinite(total)) return false;
  for (std::size_t i = 0; i < kGroups; ++i) gradient_norm_[i] = kernels::Sqrt(squares[i]);

  clipped_ = false;
  scale_.fill(T{1});
  for (std::size_t i = 0; i < kGroups; ++i) {
    const double norm = guard.clip_per_group ? gradient_norm_[i] : kernels::Sqrt(total);
    if (guard.clip_norm <= 0 || norm <= guard.clip_norm) continue;
    scale_[i] = static_cast<T>(guard.clip_norm / norm);
    ScaleGroup(i, scale_[i], stored);
    clipped_ = true;
  }
  return true;
}

template <typename T>
double Updater<T>::StepFactor(const Optimizer<T>& optimizer, double error, const T* stored) const {
  if (!optimizer.bounds_step()) return 1;
  UpdateSize size{.error = error};
  for (const Span& span : spans_) size.gradient += Absolutes(span, stored);
  for (const ParameterBlock& block : layout_.blocks()) {
    size.largest_rate = std::max(size.largest_rate, optimizer.rate(block.group));
  }
  return optimizer.StepFactor(size);
}

template <typename T>
void Updater<T>::AdvancePowers(const Optimizer<T>& optimizer, Weights<T>* weights) const {
  const Moments& moments = optimizer.moments();
  for (const Powers& powers : powers_) {
    for (std::int64_t i = powers.first; i < powers.first + powers.count; ++i) {
      weights->power1[static_cast<std::size_t>(i)] *= moments.beta1;
      weights->power2[static_cast<std::size_t>(i)] *= moments.beta2;
    }
  }
}

template <typename T>
T* Updater<T>::ChangeOf(const SpanUpdate& update, const Span& span, T* stored,
                        Weights<T>* weights) {
  T* g = narrow_.data();
  if (span.outer == nullptr) {
    g = stored + span.offset;
  } else {
    kernels::OuterProduct(span.outer->x + span.row(), span.outer->d + span.column(), span.rows(),
                          span.columns(), g);
    if (update.scale != T{1}) kernels::Scale(g, update.scale, span.size);
  }
  T* const slot1 = weights->slot1.empty() ? nullptr : weights->slot1.data() + span.offset;
  T* const slot2 = weights->slot2.empty() ? nullptr : weights->slot2.data() + span.offset;
  kernels::Change(update.kind, update.rates,
                  {.p = span.size,
                   .theta = weights->theta.data() + span.offset,
                   .first = slot1,
                   .second = slot2,
                   .g = g});
  return g;
}

template <typename T>
void Updater<T>::SweepRows(const SpanUpdate& update, const Span& span, Weights<T>* weights,
                           Ahead<T>* ahead) {
  if (span.traced != nullptr) return SweepTraced(update, span, weights);
  T* const theta = weights->theta.data();
  typename Ahead<T>::Meeting meeting;
  if (ahead != nullptr) meeting = ahead->Meet(theta, span.offset, span.rows());
  kernels::ChangeOuter<T>(
      update.kind, update.rates,
      {.x = span.outer->x + span.row(),
       .scale = update.scale,
       .d = span.outer->d + span.column(),
       .k = span.rows(),
       .n = span.columns(),
       .theta = theta + span.offset,
       .first = weights->slot1.empty() ? nullptr : weights->slot1.data() + span.offset,
       .second = weights->slot2.empty() ? nullptr : weights->slot2.data() + span.offset,
       .next_x = meeting.x,
       .next = meeting.sums});
}

template <typename T>
void Updater<T>::SweepTraced(const SpanUpdate& update, const Span& span,
                             Weights<T>* weights) const {
  kernels::ChangeTraced<T>(
      update.kind, update.rates,
      {.outputs = span.traced->outputs,
       .count = span.traced->count,
       .skipped = span.start(),
       .scale = update.scale,
       .rows = span.rows(),
       .n = span.width(),
       .theta = weights->theta.data() + span.offset,
       .first = weights->slot1.empty() ? nullptr : weights->slot1.data() + span.offset,
       .second = weights->slot2.empty() ? nullptr : weights->slot2.data() + span.offset});
}

template <typename T>
void Updater<T>::SweepPiece(const SpanUpdate& update, const Span& span, Weights<T>* weights,
                            Ahead<T>* ahead) {
  if (!measuring_) return SweepRows(update, span, weights, ahead);
  const std::int64_t most = std::min(kMeasuredRows * span.columns(), span.size);
  const auto group = static_cast<std::size_t>(span.group);
  for (std::int64_t done = 0; done < span.size; done += most) {
    Span part = span;
    part.offset += done;
    part.size = std::min(most, span.size - done);
    const T* const theta = weights->theta.data() + part.offset;
    std::copy_n(theta, part.size, before_.data());
    weight_squares_[group] += static_cast<double>(kernels::SumSquares(theta, part.size));
    SweepRows(update, part, weights, ahead);
    kernels::AddScaled(theta, T{-1}, part.size, before_.data());
    change_squares_[group] += static_cast<double>(kernels::SumSquares(before_.data(), part.size));
  }
}

template <typename T>
void Updater<T>::Measure(const Span& span, const T* change, const Weights<T>& weights) {
  const auto at = static_cast<std::size_t>(span.group);
  change_squares_[at] += static_cast<double>(kernels::SumSquares(change, span.size));
  weight_squares_[at] +=
      static_cast<double>(kernels::SumSquares(weights.theta.data() + span.offset, span.size));
}

template <typename T>
void Updater<T>::BeginMeasuring(const GuardSettings& guard, std::uint64_t release) {
  if (release != release_) {
    release_ = release;
    release_change_.fill(0);
  }
  measuring_ = NeedsStored(guard) || applied_ % kMeasureEvery == 0;
  change_squares_.fill(0);
  weight_squares_.fill(0);
}

template <typename T>
void Updater<T>::EndMeasuring() {
  if (!measuring_) return;
  for (std::size_t i = 0; i < kGroups; ++i) {
    relative_change_[i] =
        weight_squares_[i] > 0 ? kernels::Sqrt(change_squares_[i] / weight_squares_[i]) : 0.0;
  }
}

// Scales down what is stored, all of it changes that were measured.
template <typename T>
void Updater<T>::BoundChange(const GuardSettings& guard, T* change) {
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (relative_change_[i] == 0) continue;
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
                               const UpdateStep<T>& step, const Gradient<T>& gradient,
                               Weights<T>* weights) {
  const bool bounded = NeedsStored(guard);
  T* const theta = weights->theta.data();
  CollectSpans(optimizer, step.active, *weights);
  if (!bounded) {
    Find(gradient.outer, &Span::outer);
    Find(gradient.traced, &Span::traced);
  }
  if (!Clip(guard, gradient.stored)) return UpdateResult::kNotFinite;
  const T factor = static_cast<T>(StepFactor(optimizer, step.error, gradient.stored));
  AdvancePowers(optimizer, weights);
  BeginMeasuring(guard, step.release);
  if (step.ahead != nullptr) step.ahead->Begin();
  for (const Span& span : spans_) {
    const auto power = static_cast<std::size_t>(span.power);
    SpanUpdate update{optimizer.kind(),
                      optimizer.Rates(span.group, weights->power1[power], weights->power2[power]),
                      scale_[static_cast<std::size_t>(span.group)]};
    update.rates.rate *= factor;
    if (span.traced != nullptr || (span.outer != nullptr && span.columns() >= kNarrow)) {
      SweepPiece(update, span, weights, step.ahead);
      continue;
    }
    const T* const change = ChangeOf(update, span, gradient.stored, weights);
    if (measuring_) Measure(span, change, *weights);
    if (!bounded) kernels::AddScaled(change, T{1}, span.size, theta + span.offset);
  }
  EndMeasuring();
  if (bounded) {
    BoundChange(guard, gradient.stored);
    for (const Span& span : spans_) {
      kernels::AddScaled(gradient.stored + span.offset, T{1}, span.size, theta + span.offset);
    }
  }
  if (step.ahead != nullptr) step.ahead->Finish(theta);
  ++applied_;
  return UpdateResult::kDone;
}

template <typename T>
void Updater<T>::Visit(StateVisitor& visitor) {
  Renew();  // a loading visitor
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
