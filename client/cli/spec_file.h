// Specification files: a ModelSpec, or a VariantSet, in protobuf text format.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_CLIENT_CLI_SPEC_FILE_H_
#define MILLRACE_CLIENT_CLI_SPEC_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "millrace/v1/model.pb.h"
#include "millrace/v1/stream.pb.h"

namespace millrace::client {

// INVALID_ARGUMENT names file, line, column and what is wrong there.
absl::StatusOr<v1::ModelSpec> ReadSpec(const std::string& path);
absl::StatusOr<v1::ModelSpec> ParseSpec(const std::string& text, const std::string& name);

// Variants of a stream, each with a name and settings; at least one.
absl::StatusOr<v1::VariantSet> ReadVariants(const std::string& path);

// The same form, one line a setting; it can be read back.
std::string SpecText(const v1::ModelSpec& spec);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_SPEC_FILE_H_
