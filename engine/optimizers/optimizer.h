// Optimizers: turn a gradient into a weight change. Hyper-parameters here, slots (run state) with
// the caller, in the layout of the parameters.
//
// Rates are per parameter group; a group of rate 0 never changes. Thread-safe after construction.
#ifndef MILLRACE_ENGINE_OPTIMIZERS_OPTIMIZER_H_
#define MILLRACE_ENGINE_OPTIMIZERS_OPTIMIZER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "engine/parameters.h"
#include "engine/spec.h"
#include "kernels/ops.h"

namespace millrace::engine {

// rate, and rate_GROUP for every group: what every optimizer has.
std::vector<SettingDescription> RateSettings(double default_rate);

// The decay of a running moment, and the constant beside the root: one description for all.
SettingDescription DecaySetting(const char* name, double default_value, const char* sentence);
SettingDescription EpsilonSetting();
SettingDescription EpsilonInsideSetting();

// The two moments' decays and the constants beside them; 0 where an optimizer has none.
struct Moments {
  double beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  bool corrected = true;
  bool epsilon_inside = false;       // sqrt(v / correction + epsilon)
  bool epsilon_uncorrected = false;  // (sqrt(v) + epsilon) / sqrt(correction)
};

// What a bounded step goes by, of one update.
struct UpdateSize {
  double error = 0;         // |dL/dy|_1, the target's weight included
  double gradient = 0;      // |g|_1 over what takes part, after the clip
  double largest_rate = 0;  // of the groups
};

template <typename T>
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual bool uses_slot1() const { return false; }
  virtual bool uses_slot2() const { return false; }
  // A zero gradient leaves weights and slots as they are, so that a column without input may wait.
  virtual bool sparse() const { return true; }
  // Rates of this update are multiplied by StepFactor, where there is one.
  virtual bool bounds_step() const { return false; }
  virtual double StepFactor(const UpdateSize& /*size*/) const { return 1; }
  // How it changes weights and slots.
  virtual kernels::UpdateKind kind() const = 0;

  double rate(Group group) const { return rates_[static_cast<std::size_t>(group)]; }
  const Moments& moments() const { return moments_; }
  // Of one group and one column's running powers beta1^k, beta2^k.
  virtual kernels::UpdateRates<T> Rates(Group group, double power1, double power2) const;

 protected:
  Optimizer(const PartSpec& part, const Moments& moments);

 private:
  std::array<double, kGroups> rates_;
  Moments moments_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_OPTIMIZERS_OPTIMIZER_H_
