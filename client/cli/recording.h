// A recording to replay: inputs, what is to be learned, and when it may be told, file by file.
//
// Steps are the rows of all files in the order given. Values, not behaviour; Load reads everything
// into memory (4 bytes a value).
#ifndef MILLRACE_CLIENT_CLI_RECORDING_H_
#define MILLRACE_CLIENT_CLI_RECORDING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/npy.h"

namespace millrace::client {

struct RecordingOptions {
  std::vector<std::string> inputs;   // .npy files, or
  std::vector<std::string> bytes;    // files of bytes
  std::vector<std::string> targets;  // .npy files, one for each of the inputs, or none
  std::vector<int> target_columns;   // empty: all columns
  std::optional<int> class_column;   // classification; excludes target_columns
  int ignore_class = -1;             // this class is "no target"
  std::optional<int> release_column;
  std::optional<int> reset_column;
};

struct RecordingFile {
  std::string name;
  std::size_t steps = 0;       // T
  Table inputs;                // [T, d]; empty for bytes
  std::string bytes;           // [T]
  Table targets;               // [T, m], NaN unknown; empty for classes and bytes
  std::vector<int> classes;    // [T], -1 no target; empty for regression and bytes
  std::vector<float> release;  // [T], the release column; empty without one
  std::vector<float> reset;    // [T], the reset column; empty without one

  // Whether step t has a target that a client could give.
  bool HasTarget(std::size_t t) const;
};

struct Recording {
  std::vector<RecordingFile> files;
  std::size_t width = 0;    // d; 0 for bytes
  std::size_t outputs = 0;  // m of regression
  bool classes = false;
  bool bytes = false;
  bool has_targets() const { return classes || outputs > 0; }
  std::size_t steps() const;
};

absl::StatusOr<Recording> LoadRecording(const RecordingOptions& options);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_RECORDING_H_
