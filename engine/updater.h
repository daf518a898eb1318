// The update: clip, optimizer, bounds, weights. Works on the columns that take part in a step; the
// slots of the others wait (as in sparse Adam), so that a silent channel's weights do not jump when
// it comes back.
//
// A gradient that is an outer product is never written down: its norm is the product of two norms,
// and weights and slots are read and written once (kernels::OuterMap). A bound on the change needs
// all of it before any is applied, and so the gradient written out.
//
// Thread-compatible; O(p) a step, or O(n^2 + n m) where a byte's column is the only input column.
#ifndef MILLRACE_ENGINE_UPDATER_H_
#define MILLRACE_ENGINE_UPDATER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "engine/ahead.h"
#include "engine/aligned.h"
#include "engine/gradient.h"
#include "engine/guard.h"
#include "engine/optimizers/optimizer.h"
#include "engine/parameters.h"
#include "engine/state.h"

namespace millrace::engine {

// Which columns take part in a step.
struct ActiveColumns {
  const std::uint8_t* present = nullptr;  // [d] input channels; null: all
  bool only_byte = false;                 // only the input row `byte`
  std::int64_t byte = -1;                 // -1 with only_byte: no input row
  const std::uint8_t* known = nullptr;    // [m] outputs; null: all
};

// What an update is told about its step.
template <typename T>
struct UpdateStep {
  ActiveColumns active = {};
  std::uint64_t release = 0;  // number of the release the target belongs to, for max_release_change
  double error = 0;           // |dL/dy|_1, the target's weight included
  Ahead<T>* ahead = nullptr;  // meets the new weights
};

// Weights and slots: what an update changes, what a good copy keeps.
template <typename T>
struct Weights {
  AlignedVector<T> theta, slot1, slot2;  // [p], or empty slots
  std::vector<double> power1, power2;    // [powers of the layout] running beta^k

  void Visit(StateVisitor& visitor);
};

enum class UpdateResult { kDone, kNotFinite };

template <typename T>
class DeviceLearner;

template <typename T>
class Updater {
 public:
  explicit Updater(const ParameterLayout& layout);

  // Weights or optimizer are others than those of the last update.
  void Renew() { whole_ = false; }
  // Zero slots, powers of 1.
  void Initialize(const Optimizer<T>& optimizer, Weights<T>* weights) const;

  // Whether an update under `guard` needs the gradient written out, outer products included.
  static bool NeedsStored(const GuardSettings& guard) {
    return guard.max_step_change > 0 || guard.max_release_change > 0;
  }

  // Clips the gradient, turns it into a change, bounds that, and adds it; what is stored of it is
  // used up. Nothing changes where the gradient is not finite.
  UpdateResult Apply(const Optimizer<T>& optimizer, const GuardSettings& guard,
                     const UpdateStep<T>& step, const Gradient<T>& gradient, Weights<T>* weights);

  // Of the last update.
  bool clipped() const { return clipped_; }
  const std::array<double, kGroups>& gradient_norm() const { return gradient_norm_; }
  // |change| / |weights|: measured at every update where a bound is set, else at every 64th.
  const std::array<double, kGroups>& relative_change() const { return relative_change_; }
  void Visit(StateVisitor& visitor);

 private:
  friend class DeviceLearner<T>;

  // A range of parameters that share group and powers: whole rows of an outer product, or a part of
  // one; or of what is stored.
  struct Span {
    Group group;
    std::int64_t offset, size, power;
    const OuterGradient<T>* outer = nullptr;
    const TracedGradient<T>* traced = nullptr;  // whole rows

    bool stored() const { return outer == nullptr && traced == nullptr; }
    // Of the piece, one of these: first row, first column, rows, columns.
    std::int64_t start() const {
      return offset - (outer != nullptr ? outer->offset : traced->offset);
    }
    std::int64_t width() const { return outer != nullptr ? outer->width : traced->width; }
    std::int64_t row() const { return start() / width(); }
    std::int64_t column() const { return start() % width(); }
    std::int64_t columns() const { return size < width() ? size : width(); }
    std::int64_t rows() const { return size / columns(); }
  };
  // An update of one span.
  struct SpanUpdate {
    kernels::UpdateKind kind;
    kernels::UpdateRates<T> rates;
    T scale;  // of the gradient
  };
  // Consecutive powers that take part in the step.
  struct Powers {
    std::int64_t first, count;
  };
  void CollectSpans(const Optimizer<T>& optimizer, const ActiveColumns& active,
                    const Weights<T>& weights);
  bool TakesAll(const ActiveColumns& active) const;
  void CollectBlock(const ParameterBlock& block, const ActiveColumns& active,
                    const Weights<T>& weights);
  void CollectRow(const ParameterBlock& block, std::int64_t row, const ActiveColumns& active,
                  const Weights<T>& weights);
  bool Takes(const ParameterBlock& block, std::int64_t row, const ActiveColumns& active) const;
  bool SamePowers(const Weights<T>& weights, std::int64_t first, std::int64_t count) const;
  // Each span's piece of the gradient, if it has one.
  template <typename Piece>
  void Find(const std::vector<Piece>& pieces, const Piece* Span::*piece);
  double Squares(const Span& span, const T* stored);
  double Absolutes(const Span& span, const T* stored) const;
  bool Clip(const GuardSettings& guard, T* stored);
  double StepFactor(const Optimizer<T>& optimizer, double error, const T* stored) const;
  void ScaleGroup(std::size_t group, T scale, T* stored);
  void AdvancePowers(const Optimizer<T>& optimizer, Weights<T>* weights) const;
  // The change of a stored span in its place, or of a narrow outer product in narrow_.
  T* ChangeOf(const SpanUpdate& update, const Span& span, T* stored, Weights<T>* weights);
  // Changes and adds, a few rows at a time where the change is measured.
  void SweepPiece(const SpanUpdate& update, const Span& span, Weights<T>* weights, Ahead<T>* ahead);
  void SweepRows(const SpanUpdate& update, const Span& span, Weights<T>* weights, Ahead<T>* ahead);
  void SweepTraced(const SpanUpdate& update, const Span& span, Weights<T>* weights) const;
  void Measure(const Span& span, const T* change, const Weights<T>& weights);
  void BoundChange(const GuardSettings& guard, T* change);
  void BeginMeasuring(const GuardSettings& guard, std::uint64_t release);
  void EndMeasuring();

  ParameterLayout layout_;
  std::int64_t outputs_ = 0;  // m, where a column can wait
  std::vector<Span> spans_;
  std::vector<Powers> powers_;
  // spans_ are those of an update in which everything takes part, under the same optimizer, and all
  // powers of a block are one.
  bool whole_ = false;
  std::vector<T> narrow_;           // an outer product of few columns, written out
  std::vector<T> before_;           // a few rows of weights
  std::array<T, kGroups> scale_{};  // what the clip makes of outer products
  const T* squared_ = nullptr;      // the columns whose squares are known
  std::int64_t squared_columns_ = 0;
  double column_squares_ = 0;
  const TracedGradient<T>* counted_ = nullptr;  // the last traces whose squares were added
  bool measuring_ = false;
  std::array<double, kGroups> change_squares_{}, weight_squares_{};
  bool clipped_ = false;
  std::array<double, kGroups> gradient_norm_{}, relative_change_{};
  // State of the bound over a release.
  std::uint64_t release_ = 0;
  std::array<double, kGroups> release_change_{};
  std::uint64_t applied_ = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_UPDATER_H_
