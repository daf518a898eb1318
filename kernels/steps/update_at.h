// One parameter under an optimizer: what every sweep over a map of weights does at each of them.
#ifndef MILLRACE_KERNELS_STEPS_UPDATE_AT_H_
#define MILLRACE_KERNELS_STEPS_UPDATE_AT_H_

#include <cstdint>

#include "kernels/math/platform.h"
#include "kernels/math/updates.h"

namespace millrace::kernels::steps {

// Changes the parameter `at` of map (theta, first, second) by the gradient x d, x its row's, and
// returns its new value.
template <typename T, typename Update, typename Map>
MILLRACE_HD T UpdateAt(const Update& update, const typename Update::Row& row, T d, T square,
                       const Map& map, std::int64_t at) {
  Slots<T> slots{};
  slots.theta = map.theta[at];
  if constexpr (Update::kFirst) slots.first = map.first[at];
  if constexpr (Update::kSecond) slots.second = map.second[at];
  const T theta = slots.theta + update(row, d, square, slots);
  if constexpr (Update::kFirst) map.first[at] = slots.first;
  if constexpr (Update::kSecond) map.second[at] = slots.second;
  map.theta[at] = theta;
  return theta;
}

}  // namespace millrace::kernels::steps

#endif  // MILLRACE_KERNELS_STEPS_UPDATE_AT_H_
