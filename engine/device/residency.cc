// Which arrays of a slot stay in the memory that a block's threads share over the rows of a
// message.
//
// A row without it reads the weights twice and writes them, reads and writes slots and traces, from
// the second level cache, where a multiprocessor has a fifth of the bandwidth and a load takes
// eight times as long. A second block of threads on the multiprocessor hides half of that wait at
// best, so it is given up where everything fits instead, and only then: with a part of it in the
// cache both would be lost. What fits beside a second block costs nothing.
#include <algorithm>
#include <iterator>

#include "engine/device/plan.h"

namespace millrace::engine {
namespace {

namespace device = kernels::device;

constexpr std::int64_t kAlignment = 32;

std::int64_t Aligned(std::int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// An array of the slot, and its place in the plan.
struct Candidate {
  std::int64_t offset;
  device::Resident device::Residency::*array;
  std::int64_t bytes = 0;
};

// Bytes from an offset to the next part of the slot, or its end.
std::int64_t BytesAt(const SlotLayout& at, std::int64_t offset) {
  std::int64_t end = at.bytes;
  for (const std::int64_t other :
       {at.theta, at.slot1, at.slot2, at.power1, at.power2, at.good_theta, at.good_slot1,
        at.good_slot2, at.good_power1, at.good_power2, at.hidden, at.predicted, at.rule,
        at.gradient, at.jacobian, at.reach, at.updates, at.vectors}) {
    if (other > offset) end = std::min(end, other);
  }
  return end - offset;
}

}  // namespace

template <typename T>
void DevicePlan<T>::FillResidency(const device::Backend& backend) {
  using device::Residency;
  // Its weights are nothing beside its sensitivities, and those never fit.
  if (LongSweep()) return;
  const SlotLayout& at = layout_;
  // What a step goes by most often for its size first.
  Candidate candidates[] = {
      {at.hidden, &Residency::hidden},     {at.predicted, &Residency::predicted},
      {at.updates, &Residency::updates},   {at.power1, &Residency::power1},
      {at.power2, &Residency::power2},     {at.theta, &Residency::theta},
      {at.gradient, &Residency::gradient}, {at.jacobian, &Residency::jacobian},
      {at.reach, &Residency::reach},       {at.slot2, &Residency::slot2},
      {at.slot1, &Residency::slot1},       {at.rule, &Residency::rule}};
  const std::int64_t own = Aligned(plan_.shared_bytes);
  std::int64_t everything = own;
  for (Candidate& candidate : candidates) {
    if (candidate.offset < 0) continue;
    candidate.bytes = BytesAt(layout_, candidate.offset);
    everything += candidate.bytes;
  }
  const std::int64_t alone = backend.shared_bytes();
  const std::int64_t paired = std::min(alone, backend.paired_shared_bytes());
  const bool pair = own <= paired && (everything <= paired || everything > alone);
  std::int64_t taken = own;
  for (const Candidate& candidate : candidates) {
    if (candidate.bytes == 0 || taken + candidate.bytes > (pair ? paired : alone)) continue;
    plan_.residency.*candidate.array = {static_cast<std::int32_t>(taken),
                                        static_cast<std::int32_t>(candidate.bytes)};
    taken += candidate.bytes;
  }
  if (taken > own) plan_.residency.shared_bytes = taken;
}

template void DevicePlan<float>::FillResidency(const device::Backend&);
template void DevicePlan<double>::FillResidency(const device::Backend&);

}  // namespace millrace::engine
