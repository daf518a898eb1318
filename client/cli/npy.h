// Reads .npy files: NumPy's array format, versions 1.0 and 2.0, C order, one or two dimensions of
// float32, float64, uint8 or int16, little-endian.
//
// Values become float32. Nothing is truncated: uint8 and int16 are exact, float64 is rounded to the
// nearest, and one that float32 cannot hold at all is an error. Everything else is refused with a
// sentence. Thread-safe: pure functions. Cost: the file in memory once.
#ifndef MILLRACE_CLIENT_CLI_NPY_H_
#define MILLRACE_CLIENT_CLI_NPY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace millrace::client {

struct Table {
  std::size_t rows = 0;
  std::size_t columns = 0;    // 1 for a one-dimensional array
  std::vector<float> values;  // row-major [rows, columns]

  float At(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
};

absl::StatusOr<Table> ReadNpy(const std::string& path);

// `contents` of a file; `name` for sentences.
absl::StatusOr<Table> ParseNpy(absl::string_view contents, const std::string& name);

// All bytes of a file.
absl::StatusOr<std::string> ReadBytes(const std::string& path);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_NPY_H_
