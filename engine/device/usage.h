// Memory of a device that streams learn on, as it stands.
#ifndef MILLRACE_ENGINE_DEVICE_USAGE_H_
#define MILLRACE_ENGINE_DEVICE_USAGE_H_

#include <cstdint>

namespace millrace::engine {

// All zero where no device is in use.
struct DeviceMemoryUsage {
  std::int64_t limit_bytes = 0;    // what streams may have
  std::int64_t slot_bytes = 0;     // what they have
  std::int64_t free_bytes = 0;     // slots that were allocated, and that nobody has
  std::int64_t staging_bytes = 0;  // for the rows of launches
  // Of the host for the same rows: locked for the device to copy from, and, where the system locks
  // no more, as it is: then each copy is one more.
  std::int64_t pinned_bytes = 0, unpinned_bytes = 0;
  std::int64_t residents = 0;  // streams that have a slot
  std::uint64_t page_outs = 0, page_ins = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_USAGE_H_
