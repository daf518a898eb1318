// Statistics of a stream, as the wire contract has them.
//
// Fills what the engine knows; the stream's id, epoch, durable_seq and resumed_inexactly are the
// runtime's. Thread-safe: a pure function.
#ifndef MILLRACE_SERVER_CONVERT_STATS_H_
#define MILLRACE_SERVER_CONVERT_STATS_H_

#include "engine/stats.h"
#include "millrace/v1/stats.pb.h"

namespace millrace::server {

v1::StreamStats ToWire(const engine::StreamStats& stats);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONVERT_STATS_H_
