// RunTogether: the rows of many streams packed into one block of memory, and a launch over them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/device/learner.h"
#include "engine/device/lost.h"
#include "engine/device/status.h"
#include "engine/workers.h"
#include "kernels/device/resident.h"

namespace millrace::engine {
namespace {

namespace device = kernels::device;

constexpr std::int64_t kAlignment = 16;
// Of a launch: a grid has room for twice as many.
constexpr std::size_t kStreamsAtOnce = 32768;
constexpr std::size_t kStreamsOfAJob = 64;
// Of a launch's rows, but for those of one stream alone: staging has twice that, on both sides.
constexpr std::int64_t kBytesAtOnce = std::int64_t{128} << 20;

// Byte offsets of one stream's rows in the block, and of what they report.
struct RowOffsets {
  std::int64_t rows, inputs, present, targets;
  std::int64_t update;
  std::int64_t outputs, status, done;
};

std::int64_t Take(std::int64_t bytes, std::int64_t* at) {
  const std::int64_t here = *at;
  *at += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return here;
}

}  // namespace

// The block: works and rows, which go to the device; the updates' states and the counts of rows
// done, which go there and come back; outputs and statuses, which come back.
template <typename T>
struct DeviceLearner<T>::Packed {
  explicit Packed(absl::Span<DeviceLearner<T>* const> of) : learners(of), offsets(of.size()) {
    const device::Shape& shape = of[0]->plan_->plan().shape;
    constexpr std::int64_t kNumber = sizeof(T);
    Take(static_cast<std::int64_t>(of.size() * sizeof(device::Work<T>)), &bytes);
    for (std::size_t k = 0; k < of.size(); ++k) {
      const std::int64_t count = of[k]->rows();
      offsets[k].rows = Take(count * static_cast<std::int64_t>(sizeof(device::Row)), &bytes);
      offsets[k].inputs = Take(count * shape.d * kNumber, &bytes);
      offsets[k].present = Take(count * shape.d, &bytes);
      offsets[k].targets = Take(count * shape.m * kNumber, &bytes);
    }
    back = bytes;
    for (RowOffsets& at : offsets) {
      at.update = Take(sizeof(device::UpdateState), &bytes);
      at.done = Take(sizeof(int), &bytes);
    }
    given = bytes;
    for (std::size_t k = 0; k < of.size(); ++k) {
      const std::int64_t count = of[k]->rows();
      offsets[k].outputs = Take(count * shape.m * kNumber, &bytes);
      offsets[k].status = Take(count, &bytes);
    }
  }

  device::Work<T> WorkOf(std::size_t k, unsigned char* base, void* slot) const {
    const DeviceLearner<T>& learner = *learners[k];
    const RowOffsets& at = offsets[k];
    device::Work<T> work = {.slot = learner.plan_->SlotAt(slot),
                            .settings = learner.settings_,
                            .rows = reinterpret_cast<const device::Row*>(base + at.rows),
                            .inputs = reinterpret_cast<const T*>(base + at.inputs),
                            .present = base + at.present,
                            .targets = reinterpret_cast<const T*>(base + at.targets),
                            .outputs = reinterpret_cast<T*>(base + at.outputs),
                            .status = base + at.status,
                            .done = reinterpret_cast<int*>(base + at.done),
                            .first = 0,
                            .count = learner.rows()};
    work.slot.update = reinterpret_cast<device::UpdateState*>(base + at.update);
    return work;
  }

  // What goes to the device of stream k, into the host's copy of the block; `base` is the device's.
  void Put(std::size_t k, void* slot, unsigned char* base, unsigned char* host) const {
    const auto put = [host](std::int64_t at, const auto& values) {
      if (values.empty()) return;
      std::memcpy(host + at, values.data(), values.size() * sizeof(values[0]));
    };
    const device::Work<T> work = WorkOf(k, base, slot);
    std::memcpy(host + k * sizeof(work), &work, sizeof(work));
    put(offsets[k].rows, learners[k]->rows_);
    put(offsets[k].inputs, learners[k]->inputs_);
    put(offsets[k].present, learners[k]->present_);
    put(offsets[k].targets, learners[k]->targets_);
    const device::UpdateState update = learners[k]->UpdateOf();
    std::memcpy(host + offsets[k].update, &update, sizeof(update));
    std::memset(host + offsets[k].done, 0, sizeof(int));
  }

  // What came back of stream k.
  void Get(std::size_t k, const unsigned char* host) const {
    DeviceLearner<T>& learner = *learners[k];
    const std::size_t rows = learner.rows_.size();
    learner.outputs_.resize(learner.targets_.size());
    learner.status_.resize(rows);
    std::memcpy(learner.outputs_.data(), host + offsets[k].outputs,
                learner.outputs_.size() * sizeof(T));
    std::memcpy(learner.status_.data(), host + offsets[k].status, rows);
    std::memcpy(&learner.done_, host + offsets[k].done, sizeof(learner.done_));
    std::memcpy(&learner.update_, host + offsets[k].update, sizeof(learner.update_));
    learner.device_newer_ = true;
  }

  absl::Span<DeviceLearner<T>* const> learners;
  std::vector<RowOffsets> offsets;
  std::int64_t back = 0, given = 0, bytes = 0;
};

// The learners have slots, which nobody takes from them.
template <typename T>
absl::Status DeviceLearner<T>::RunPinned(absl::Span<DeviceLearner<T>* const> learners,
                                         const std::vector<void*>& slots, Workers* workers) {
  DeviceMemory& memory = *learners[0]->memory_;
  device::Backend& backend = memory.backend();
  const DevicePlan<T>& plan = *learners[0]->plan_;
  const Packed packed(learners);
  absl::StatusOr<DeviceMemory::Staging> staging = memory.LeaseStaging(packed.bytes);
  if (!staging.ok()) return staging.status();
  auto* const base = static_cast<unsigned char*>(staging->memory);
  unsigned char* const host = staging->host;
  const std::size_t streams = learners.size();
  ForEach(streams, kStreamsOfAJob, workers,
          [&](std::size_t k) { packed.Put(k, slots[k], base, host); });

  device::Launch<T> launch;
  launch.plan = plan.plan();
  launch.works = reinterpret_cast<const device::Work<T>*>(base);
  launch.count = static_cast<int>(learners.size());
  std::int64_t rows = 0;
  for (const DeviceLearner<T>* const learner : learners) {
    launch.rows = std::max(launch.rows, learner->rows());
    rows += learner->rows();
  }
  launch.splits = plan.SplitsFor(launch.count, backend.processors());
  // Every block would give the memory up, those of short messages for nothing.
  const bool pays = rows >= std::int64_t{device::kResidentRows} * launch.count;
  if (!pays || launch.splits > 1) launch.plan.residency = {};
  absl::Status status = StatusOf(backend.ToDevice(host, packed.given, base));
  if (status.ok()) status = StatusOf(backend.Run(launch));
  if (status.ok()) {
    status = StatusOf(
        backend.ToHost(base + packed.back, packed.bytes - packed.back, host + packed.back));
  }
  if (status.ok()) {
    ForEach(streams, kStreamsOfAJob, workers, [&](std::size_t k) { packed.Get(k, host); });
  }
  memory.ReturnStaging(*staging);
  return status;
}

template <typename T>
absl::Status RunTogether(absl::Span<DeviceLearner<T>* const> learners, Workers* workers) {
  std::vector<void*> slots;
  for (std::size_t first = 0; first < learners.size(); first += slots.size()) {
    slots.clear();
    DeviceMemory& memory = *learners[first]->memory_;
    absl::Status status;
    // As many as have slots without waiting for others: whoever waits while he holds some may wait
    // for one who does the same.
    const std::size_t end = std::min(learners.size(), first + kStreamsAtOnce);
    std::int64_t bytes = 0;
    for (std::size_t k = first; status.ok() && k < end; ++k) {
      DeviceLearner<T>& learner = *learners[k];
      bytes += learner.row_bytes();
      if (bytes > kBytesAtOnce && !slots.empty()) break;
      absl::StatusOr<DeviceMemory::Pinned> pinned =
          slots.empty() ? memory.Pin(&learner, learner.slot_bytes())
                        : memory.TryPin(&learner, learner.slot_bytes());
      if (!pinned.ok()) {
        status = pinned.status();
      } else if (pinned->slot == nullptr) {
        break;
      } else {
        slots.push_back(pinned->slot);
        if (!learner.device_valid_) learner.Upload(pinned->slot);
      }
    }
    const auto batch = learners.subspan(first, slots.size());
    if (status.ok()) status = DeviceLearner<T>::RunPinned(batch, slots, workers);
    for (DeviceLearner<T>* const learner : batch) memory.Unpin(learner);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

template absl::Status RunTogether(absl::Span<DeviceLearner<float>* const>, Workers*);
template absl::Status RunTogether(absl::Span<DeviceLearner<double>* const>, Workers*);
template absl::Status DeviceLearner<float>::RunPinned(absl::Span<DeviceLearner<float>* const>,
                                                      const std::vector<void*>&, Workers*);
template absl::Status DeviceLearner<double>::RunPinned(absl::Span<DeviceLearner<double>* const>,
                                                       const std::vector<void*>&, Workers*);

}  // namespace millrace::engine
