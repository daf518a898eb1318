// The table of parts and settings, as DescribeParts serves it.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_CONVERT_PARTS_H_
#define MILLRACE_SERVER_CONVERT_PARTS_H_

#include "engine/spec.h"
#include "millrace/v1/model.pb.h"

namespace millrace::server {

v1::PartDescription ToWire(const engine::PartDescription& part);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONVERT_PARTS_H_
