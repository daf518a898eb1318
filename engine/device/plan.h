// What a device's code has to know of a model (kernels/device/plan.h), made from its specification
// and the structure of its cell; and where a stream's state stands in a slot of device memory.
//
//   if (!Covers(spec, inputs)) ...the generic path...
//   DevicePlan<float> plan(spec, network, backend);
//   if (absl::Status s = plan.Upload(backend); !s.ok()) ...
//
// Immutable after Upload, shared by the streams of a model; thread-safe then.
#ifndef MILLRACE_ENGINE_DEVICE_PLAN_H_
#define MILLRACE_ENGINE_DEVICE_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "engine/network.h"
#include "engine/spec.h"
#include "kernels/device/backend.h"
#include "kernels/device/plan.h"
#include "kernels/device/work.h"

namespace millrace::engine {

// Whether device code is there for every part of the model: its cell, rule, head, loss, optimizer
// and diagnostics. What is not covered runs the generic path.
bool DeviceCovers(const ModelSpec& resolved, std::int64_t inputs);

// Byte offsets of a slot's parts, multiples of 256; -1 where there is none, or nothing in it.
struct SlotLayout {
  std::int64_t theta, slot1, slot2, power1, power2;
  std::int64_t good_theta, good_slot1, good_slot2, good_power1, good_power2;
  std::int64_t hidden, predicted, rule;
  std::int64_t gradient, jacobian, reach, updates, vectors;
  std::int64_t state_bytes;  // of what is state, which stands before what is scratch
  std::int64_t bytes;
};

template <typename T>
class DevicePlan {
 public:
  // Of a model that is covered. The backend says how much memory a block's threads may share.
  DevicePlan(const ModelSpec& spec, const Network<T>& network,
             const kernels::device::Backend& backend);
  ~DevicePlan();
  DevicePlan(const DevicePlan&) = delete;
  DevicePlan& operator=(const DevicePlan&) = delete;

  // Copies the tables to the device; the backend must outlive the plan.
  absl::Status Upload(kernels::device::Backend* backend);

  const kernels::device::Plan<T>& plan() const { return plan_; }
  const SlotLayout& layout() const { return layout_; }
  // Whether the rule's state takes two bytes a number in the slot.
  bool keeps_bf16() const {
    return plan_.blocks.sensitivities == kernels::device::Sensitivities::kBf16;
  }
  // The slot at an address of the device.
  kernels::device::Slot<T> SlotAt(void* memory) const;
  // Blocks of threads that are worth having for a launch of so many streams.
  int SplitsFor(int streams, int processors) const;

 private:
  void FillShape(const Structure& structure, const Network<T>& network);
  void FillGates(const Structure& structure);
  void FillRanges(const ParameterLayout& layout);
  void FillRule(const ModelSpec& spec, const Structure& structure);
  void FillTraces(const Structure& structure);
  void FillKept(const PartSpec& rule, const Structure& structure);
  void FillBlocks(std::int64_t shared_bytes);
  // Whether products are made on matrix units; tiles are filled in then.
  bool FillTensor(std::int64_t shared_bytes);
  void FillVectors(std::int64_t shared_bytes);
  void FillLayout(const ModelSpec& spec);
  void FillResidency(const kernels::device::Backend& backend);
  // Whether a sweep may be shared by many blocks, which see what is in the slot only.
  bool LongSweep() const;

  kernels::device::Plan<T> plan_ = {};
  SlotLayout layout_ = {};
  kernels::device::Backend* backend_ = nullptr;
  void* memory_ = nullptr;  // of the tables
  std::vector<kernels::device::GatePlan> gates_;
  std::vector<kernels::Pair> carry_, slope_, coupling_;
  std::vector<kernels::device::Range> ranges_;
  std::vector<kernels::device::TraceEntry> entries_;
  std::vector<kernels::device::TraceSource> sources_;
  std::vector<kernels::device::GateTraces> gate_traces_;
  std::vector<std::int32_t> kept_;
};

// What a stream may change on the way.
template <typename T>
kernels::device::Settings<T> DeviceSettings(const ModelSpec& spec);

extern template class DevicePlan<float>;
extern template class DevicePlan<double>;

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_PLAN_H_
