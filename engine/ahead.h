// The forward pass of the next step, made while the update has its new weights at hand.
//
// The updater goes through the parameters in rising order. Rows that it changes meet what they see
// next in the same pass (kernels::OuterMap::next_x); rows that it leaves, and one-hot inputs, are
// made up for here, in the order of the forward pass, so that the sums have its bits.
// Thread-compatible; allocates nothing after construction.
#ifndef MILLRACE_ENGINE_AHEAD_H_
#define MILLRACE_ENGINE_AHEAD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/gradient.h"

namespace millrace::engine {

template <typename T>
class Ahead {
 public:
  // Maps by rising offset, those that share sums in the order in which the forward pass adds them.
  std::vector<NextMap<T>>& maps() { return maps_; }
  // Starts over: no row was met yet.
  void Begin() { map_ = 0, row_ = 0; }

  // Where the parameters [rows, width] from `offset` on meet their next vector while they are
  // changed; everything before them is met first. Null x: they meet nothing, or not in a sweep.
  struct Meeting {
    const T* x = nullptr;
    T* sums = nullptr;
  };
  Meeting Meet(const T* theta, std::int64_t offset, std::int64_t rows);
  // Everything that is left.
  void Finish(const T* theta);

 private:
  // Rows of the present map up to `row`.
  void MakeUp(const T* theta, std::int64_t row);

  std::vector<NextMap<T>> maps_;
  std::size_t map_ = 0;   // the present map
  std::int64_t row_ = 0;  // its first row that was not met
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_AHEAD_H_
