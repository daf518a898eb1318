// Model specifications and settings between the wire contract and the engine.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_CONVERT_SPEC_H_
#define MILLRACE_SERVER_CONVERT_SPEC_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/spec.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"
#include "millrace/v1/model.pb.h"

namespace millrace::server {

// BAD_SPEC where the message, or one inside it, has fields or enum values that this server does not
// know: a client newer than the server must not be half understood. `path` names the message.
absl::Status RefuseUnknown(const google::protobuf::Message& message, const std::string& path);

// BAD_SPEC for unknown fields and enum values, settings without value or given twice.
absl::StatusOr<engine::ModelSpec> FromWire(const v1::ModelSpec& spec);
absl::StatusOr<std::vector<engine::NamedSetting>> FromWire(
    const google::protobuf::RepeatedPtrField<v1::Setting>& settings);

v1::ModelSpec ToWire(const engine::ModelSpec& spec);
v1::Setting ToWire(const engine::NamedSetting& setting);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONVERT_SPEC_H_
