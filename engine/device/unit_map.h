// Which unit map of the device's list a cell is.
#ifndef MILLRACE_ENGINE_DEVICE_UNIT_MAP_H_
#define MILLRACE_ENGINE_DEVICE_UNIT_MAP_H_

#include "engine/spec.h"
#include "kernels/device/units.h"

namespace millrace::engine {

// False where the cell, a resolved part, is none of them.
bool UnitMapOf(const PartSpec& cell, kernels::device::UnitMap* map);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DEVICE_UNIT_MAP_H_
