#include "engine/device/devices.h"

#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/device/status.h"
#include "engine/errors.h"
#include "kernels/cuda/backend.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

// The device in use, opened when it is first asked for.
struct Devices {
  std::mutex mutex;
  std::shared_ptr<DeviceMemory> cuda;
  std::int64_t limit_bytes = 0;
};

Devices& TheDevices() {
  static Devices* const devices = new Devices();
  return *devices;
}

absl::Status Absent(const kernels::device::Outcome& outcome) {
  if (outcome.code == kernels::device::Outcome::Code::kNotBuilt) return StatusOf(outcome);
  return Error(absl::StatusCode::kFailedPrecondition, kNotCarriedOut,
               absl::StrCat("device is CUDA; this machine has no device that can be used (",
                            outcome.sentence, "); serve from one that has, or leave it out"));
}

absl::StatusOr<std::shared_ptr<DeviceMemory>> MemoryOf(Device device) {
  if (device == Device::kCpu) return std::shared_ptr<DeviceMemory>();
  Devices& devices = TheDevices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  if (devices.cuda == nullptr) {
    std::unique_ptr<kernels::device::Backend> backend;
    const kernels::device::Outcome outcome = kernels::cuda::OpenBackend(0, &backend);
    if (!outcome.ok()) return Absent(outcome);
    devices.cuda = std::make_shared<DeviceMemory>(std::move(backend), devices.limit_bytes);
  }
  return devices.cuda;
}

// The plan of a model on a device, shared by its streams while one of them is there.
template <typename T>
class Plans {
 public:
  absl::StatusOr<std::shared_ptr<const DevicePlan<T>>> Of(const Model& model,
                                                          const Network<T>& network,
                                                          DeviceMemory* memory) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::weak_ptr<const DevicePlan<T>>& kept = plans_[{model.digest(), memory}];
    if (std::shared_ptr<const DevicePlan<T>> plan = kept.lock(); plan != nullptr) return plan;
    auto plan = std::make_shared<DevicePlan<T>>(model.spec(), network, memory->backend());
    absl::Status status = plan->Upload(&memory->backend());
    if (!status.ok()) return status;
    kept = plan;
    return std::shared_ptr<const DevicePlan<T>>(std::move(plan));
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, DeviceMemory*>, std::weak_ptr<const DevicePlan<T>>> plans_;
};

}  // namespace

absl::Status CheckDevice(Device device) { return MemoryOf(device).status(); }

absl::Status DeviceHealth() {
  Devices& devices = TheDevices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  return devices.cuda == nullptr ? absl::OkStatus() : devices.cuda->health();
}

DeviceMemoryUsage DeviceUsage() {
  Devices& devices = TheDevices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  return devices.cuda == nullptr ? DeviceMemoryUsage{} : devices.cuda->usage();
}

void LimitDeviceMemory(std::int64_t bytes) {
  Devices& devices = TheDevices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  devices.limit_bytes = bytes;
  if (devices.cuda != nullptr) devices.cuda->SetLimit(bytes);
}

std::shared_ptr<DeviceMemory> UseDevice(std::shared_ptr<DeviceMemory> memory) {
  Devices& devices = TheDevices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  std::swap(devices.cuda, memory);
  return memory;
}

template <typename T>
absl::StatusOr<std::unique_ptr<DeviceLearner<T>>> MakeDeviceLearner(const Model& model,
                                                                    Learner<T>* learner,
                                                                    std::vector<T>* predicted) {
  static Plans<T>* const plans = new Plans<T>();
  absl::StatusOr<std::shared_ptr<DeviceMemory>> memory = MemoryOf(model.spec().device);
  if (!memory.ok()) return memory.status();
  if (*memory == nullptr || !DeviceCovers(model.spec(), model.sizes().inputs)) {
    return std::unique_ptr<DeviceLearner<T>>();
  }
  absl::StatusOr<std::shared_ptr<const DevicePlan<T>>> plan =
      plans->Of(model, learner->network(), memory->get());
  if (!plan.ok()) return plan.status();
  return std::make_unique<DeviceLearner<T>>(*std::move(memory), *std::move(plan), learner,
                                            predicted);
}

template absl::StatusOr<std::unique_ptr<DeviceLearner<float>>> MakeDeviceLearner(
    const Model&, Learner<float>*, std::vector<float>*);
template absl::StatusOr<std::unique_ptr<DeviceLearner<double>>> MakeDeviceLearner(
    const Model&, Learner<double>*, std::vector<double>*);

std::string NumericPathOf(const DeviceMemory& memory) {
  return absl::StrCat("cuda-", memory.path(), "-", kernels::kKernelRevision);
}

}  // namespace millrace::engine
