// What the engine gave back, as the wire contract has it.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_CONVERT_RESULTS_H_
#define MILLRACE_SERVER_CONVERT_RESULTS_H_

#include "engine/event.h"
#include "millrace/v1/learn.pb.h"

namespace millrace::server {

// Appends the rows of one slice of an observation behind those that are there already.
void AppendRows(const engine::Outcome& outcome, v1::ObserveResult* result);
void ToWire(const engine::Outcome& outcome, v1::LateTargetsResult* result);
void ToWire(const engine::Outcome& outcome, v1::PeekResponse* response);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONVERT_RESULTS_H_
