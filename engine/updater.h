// The update: clip, optimizer, bounds, weights. Works on the columns that take part in a step; the
// slots of the others wait (as in sparse Adam), so that a silent channel's weights do not jump when
// it comes back.
//
// Thread-compatible; O(p) a step, or O(n^2 + n m) where a byte's column is the only input column.
#ifndef MILLRACE_ENGINE_UPDATER_H_
#define MILLRACE_ENGINE_UPDATER_H_

#include <array>
#include <cstdint>
#include <vector>

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
struct UpdateStep {
  ActiveColumns active = {};
  std::uint64_t release = 0;  // number of the release the target belongs to, for max_release_change
  double error = 0;           // |dL/dy|_1, the target's weight included
};

// Weights and slots: what an update changes, what a good copy keeps.
template <typename T>
struct Weights {
  std::vector<T> theta, slot1, slot2;  // [p], or empty slots
  std::vector<double> power1, power2;  // [powers of the layout] running beta^k

  void Visit(StateVisitor& visitor);
};

enum class UpdateResult { kDone, kNotFinite };

template <typename T>
class Updater {
 public:
  explicit Updater(const ParameterLayout& layout);

  // Zero slots, powers of 1.
  void Initialize(const Optimizer<T>& optimizer, Weights<T>* weights) const;

  // Clips the gradient g [p], turns it into a change, bounds that, and adds it. g is used up.
  // Nothing changes where the gradient is not finite.
  UpdateResult Apply(const Optimizer<T>& optimizer, const GuardSettings& guard,
                     const UpdateStep& step, T* g, Weights<T>* weights);

  // Of the last update.
  bool clipped() const { return clipped_; }
  const std::array<double, kGroups>& gradient_norm() const { return gradient_norm_; }
  // |change| / |weights|: measured at every update where a bound is set, else at every 64th.
  const std::array<double, kGroups>& relative_change() const { return relative_change_; }
  void Visit(StateVisitor& visitor);

 private:
  // A range of parameters that share group and powers.
  struct Span {
    Group group;
    std::int64_t offset, size, power;
  };
  // Consecutive powers that take part in the step.
  struct Powers {
    std::int64_t first, count;
  };
  void CollectSpans(const Optimizer<T>& optimizer, const ActiveColumns& active,
                    const Weights<T>& weights);
  void CollectBlock(const ParameterBlock& block, const ActiveColumns& active,
                    const Weights<T>& weights);
  void CollectRow(const ParameterBlock& block, std::int64_t row, const ActiveColumns& active,
                  const Weights<T>& weights);
  bool Takes(const ParameterBlock& block, std::int64_t row, const ActiveColumns& active) const;
  bool SamePowers(const Weights<T>& weights, std::int64_t first, std::int64_t count) const;
  bool Clip(const GuardSettings& guard, T* g);
  double StepFactor(const Optimizer<T>& optimizer, double error, const T* g) const;
  void ScaleGroup(std::size_t group, T scale, T* g);
  void AdvancePowers(const Optimizer<T>& optimizer, Weights<T>* weights) const;
  void BoundChange(const GuardSettings& guard, std::uint64_t release, const Weights<T>& weights,
                   T* change);

  ParameterLayout layout_;
  std::vector<Span> spans_;
  std::vector<Powers> powers_;
  bool clipped_ = false;
  std::array<double, kGroups> gradient_norm_{}, relative_change_{};
  // State of the bound over a release.
  std::uint64_t release_ = 0;
  std::array<double, kGroups> release_change_{};
  std::uint64_t applied_ = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_UPDATER_H_
