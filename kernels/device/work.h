// What a launch works on: a stream's slot, the steps it is to take, and what it reports.
//
// Everything is in the device's memory. Letters: as in plan.h; T steps of a message, S numbers of
// hidden state, p parameters.
// Thread-safe: plain values.
#ifndef MILLRACE_KERNELS_DEVICE_WORK_H_
#define MILLRACE_KERNELS_DEVICE_WORK_H_

#include <cstdint>

#include "kernels/device/plan.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// Weights and slots: what an update changes, what a good copy keeps.
template <typename T>
struct WeightSlot {
  T* theta;        // [p]
  T* slot1;        // [p], or null
  T* slot2;        // [p], or null
  double* power1;  // [powers]
  double* power2;  // [powers]
};

// State of the update that is no tensor.
struct UpdateState {
  std::uint64_t release;
  std::uint64_t applied;
  double release_change[kGroups];
  double gradient_norm[kGroups];
  double relative_change[kGroups];
};

// One stream's memory.
template <typename T>
struct Slot {
  WeightSlot<T> weights;
  WeightSlot<T> good;  // null pointers: no good copy is kept
  T* hidden;           // [S] of the learner
  T* predicted;        // [S] of the predictor
  T* rule;             // the rule's state; numbers.h says when it is of another type
  UpdateState* update;
  // Scratch.
  T* gradient;             // [p]
  T* jacobian;             // [C, n, s]
  T* reach;                // [C, n, s], of a modulator
  unsigned char* updates;  // [powers], the element update of each running power
  T* vectors;              // the vectors of a step, where they are not shared
};

// What a stream may change on the way.
template <typename T>
struct Settings {
  UpdateForm update;
  bool sparse_update;  // a gradient of zero leaves weights and slots as they are
  double rate[kGroups];
  double beta1, beta2, epsilon, weight_decay;
  bool corrected, epsilon_inside, epsilon_uncorrected;
  double clip_norm;  // 0: off
  bool clip_per_group;
  double max_sensitivity_norm, max_step_change, max_release_change;  // 0: off
  T decay, trace_scale;
};

enum class TargetForm : int { kNone, kValues, kClass, kProbabilities };

struct Row {
  static constexpr unsigned kReset = 1;     // state to zero before the step
  static constexpr unsigned kDense = 2;     // x is given
  static constexpr unsigned kMasked = 4;    // of its channels some are not present
  static constexpr unsigned kPredicts = 8;  // outputs are wanted
  static constexpr unsigned kPasses = 16;   // the learner takes the step
  static constexpr unsigned kLearns = 32;   // and updates its weights
  static constexpr unsigned kAdopts = 64;   // the predictor goes on from the learner's state
  static constexpr unsigned kKeepsGood = 128;
  static constexpr unsigned kPeeks = 256;  // outputs only: no state is taken

  unsigned flags;
  std::int32_t byte;   // of a one-hot input, or kNone
  std::int32_t label;  // of a class
  TargetForm target;
  double scale;  // of dL/dy: the target's weight; of a mean, 2 weight / known outputs
  std::uint64_t release;

  MILLRACE_HD bool Has(unsigned flag) const { return (flags & flag) != 0; }
  // A step without input.
  MILLRACE_HD bool Silent() const { return !Has(kDense) && byte == kNone; }
};

// What became of a row.
struct Status {
  static constexpr unsigned char kUpdated = 1;
  static constexpr unsigned char kClipped = 2;
  static constexpr unsigned char kGood = 4;        // a good copy was kept
  static constexpr unsigned char kStateBad = 8;    // the state was not finite: nothing was done
  static constexpr unsigned char kUpdateBad = 16;  // the gradient was not: no update
};

template <typename T>
struct Work {
  Slot<T> slot;
  Settings<T> settings;
  const Row* rows;              // [T]
  const T* inputs;              // [T, d]
  const std::uint8_t* present;  // [T, d]
  const T* targets;             // [T, m] values or probabilities
  T* outputs;                   // [T, m]
  unsigned char* status;        // [T]
  int* done;                    // rows taken; less than T after one with a bad status
  int first, count;             // rows to take
};

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_WORK_H_
