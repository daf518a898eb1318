// The devices that streams learn on: the only place of the engine that tells them apart.
//
// A model whose device is not the CPU learns there where device code covers its parts, else on the
// generic path, as its numeric path says; and it cannot be made where there is no such device.
// Thread-safe.
#ifndef MILLRACE_ENGINE_DEVICE_DEVICES_H_
#define MILLRACE_ENGINE_DEVICE_DEVICES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/device/learner.h"
#include "engine/device/memory.h"
#include "engine/model.h"
#include "engine/spec.h"

namespace millrace::engine {

// OK where the device can be used. UNIMPLEMENTED where it was not built, naming the option that
// builds it; FAILED_PRECONDITION where the machine has none.
absl::Status CheckDevice(Device device);

// What failed on a device in use; OK while nothing did.
absl::Status DeviceHealth();
// Memory of the device, lent to streams; all zero where none is in use.
DeviceMemoryUsage DeviceUsage();
// Bytes that streams may have there from now on; 0: nine tenths of what it has.
void LimitDeviceMemory(std::int64_t bytes);
// What Device::kCuda stands for from now on; null: the CUDA device again. Returns what it was. For
// tests, which put a device on the host there.
std::shared_ptr<DeviceMemory> UseDevice(std::shared_ptr<DeviceMemory> memory);

// Null where the stream learns on the CPU.
template <typename T>
absl::StatusOr<std::unique_ptr<DeviceLearner<T>>> MakeDeviceLearner(const Model& model,
                                                                    Learner<T>* learner,
                                                                    std::vector<T>* predicted);

// "cuda-sm90-2": the device's own path and the revision of the kernels.
std::string NumericPathOf(const DeviceMemory& memory);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_DEVICES_H_
