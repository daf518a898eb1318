// Errors that carry a reason: an absl::Status whose payload names, beside the code, one word and
// metadata that the server passes on as google.rpc.ErrorInfo.
//
// A sentence names object, got, expected, where it was set, and the remedy:
//   "x has 12 values; stream 'a' expects 16 (inputs, set at model 'bci')".
// Thread-safe: pure functions.
#ifndef MILLRACE_ENGINE_ERRORS_H_
#define MILLRACE_ENGINE_ERRORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace millrace::engine {

using Metadata = std::vector<std::pair<std::string, std::string>>;

// Reasons, as the wire contract lists them (proto/millrace/v1/learn.proto).
inline constexpr char kBadShape[] = "BAD_SHAPE";
inline constexpr char kNotFinite[] = "NOT_FINITE";
inline constexpr char kBadTarget[] = "BAD_TARGET";
inline constexpr char kBadSpec[] = "BAD_SPEC";
inline constexpr char kSequenceGap[] = "SEQUENCE_GAP";
inline constexpr char kNotOpen[] = "NOT_OPEN";
inline constexpr char kTargetHeld[] = "TARGET_HELD";
inline constexpr char kTargetConflict[] = "TARGET_CONFLICT";
inline constexpr char kWindowFull[] = "WINDOW_FULL";
inline constexpr char kNoShadow[] = "NO_SHADOW";
inline constexpr char kNoGoodCopy[] = "NO_GOOD_COPY";
inline constexpr char kNotCarriedOut[] = "NOT_CARRIED_OUT";
inline constexpr char kDeviceMemory[] = "DEVICE_MEMORY";
inline constexpr char kDeviceFailed[] = "DEVICE_FAILED";
inline constexpr char kDamaged[] = "QUARANTINED";

absl::Status Error(absl::StatusCode code, absl::string_view reason, absl::string_view sentence,
                   const Metadata& metadata = {});

// Empty where the status carries none.
std::string ReasonOf(const absl::Status& status);
Metadata MetadataOf(const absl::Status& status);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_ERRORS_H_
