// A reader of NumPy's .npy files, for tests that play recordings.
//
// Formats 1.0 to 3.0, little-endian float32, float64, uint8, int16 and int64, C order; anything
// else is refused. Values come as double: every one of these types but a large int64 fits.
//
//   absl::StatusOr<Npy> x = ReadNpy(RecordingPath("eeg_eyestate/X.npy"));
//   x->values[row * x->shape[1] + column]
//
// Thread-safe: pure functions. Reads the file at once.
#ifndef MILLRACE_TESTS_SUPPORT_NPY_H_
#define MILLRACE_TESTS_SUPPORT_NPY_H_

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace millrace::testing_support {

struct Npy {
  std::vector<std::int64_t> shape;
  std::vector<double> values;  // product(shape), row-major
};

// Path of a recording, empty where it is not there: the test then skips itself. The folder is
// MILLRACE_DATA, else ../shared/data beside the sources.
inline std::string RecordingPath(absl::string_view name) {
  const char* folder = std::getenv("MILLRACE_DATA");
  const char* source = std::getenv("MILLRACE_SOURCE");
  std::string path = folder != nullptr
                         ? absl::StrCat(folder, "/", name)
                         : absl::StrCat(source != nullptr ? source : ".", "/../shared/data/", name);
  return std::ifstream(path).good() ? path : "";
}

namespace npy_internal {

// What follows 'key': in the header's dictionary, up to the next top-level comma.
inline absl::string_view Entry(absl::string_view header, absl::string_view key) {
  const std::size_t at = header.find(absl::StrCat("'", key, "':"));
  if (at == absl::string_view::npos) return "";
  absl::string_view rest = header.substr(at + key.size() + 3);
  while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
  if (!rest.empty() && rest[0] == '(') return rest.substr(0, rest.find(')'));
  return rest.substr(0, rest.find_first_of(",}"));
}

inline bool ParseShape(absl::string_view entry, std::vector<std::int64_t>* shape) {
  if (entry.empty() || entry[0] != '(') return false;
  std::int64_t extent = -1;
  for (const char c : entry.substr(1)) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      extent = (extent < 0 ? 0 : extent * 10) + (c - '0');
      if (extent > (std::int64_t{1} << 40)) return false;
    } else if (extent >= 0) {
      shape->push_back(extent);
      extent = -1;
    }
  }
  if (extent >= 0) shape->push_back(extent);
  return true;
}

template <typename T>
bool Convert(absl::string_view payload, std::size_t count, std::vector<double>* values) {
  if (payload.size() != count * sizeof(T)) return false;
  values->reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, payload.data() + i * sizeof(T), sizeof(T));
    values->push_back(static_cast<double>(value));
  }
  return true;
}

inline bool ConvertAny(absl::string_view type, absl::string_view payload, std::size_t count,
                       std::vector<double>* values) {
  if (type == "'<f4'") return Convert<float>(payload, count, values);
  if (type == "'<f8'") return Convert<double>(payload, count, values);
  if (type == "'|u1'") return Convert<std::uint8_t>(payload, count, values);
  if (type == "'<i2'") return Convert<std::int16_t>(payload, count, values);
  if (type == "'<i8'") return Convert<std::int64_t>(payload, count, values);
  return false;
}

}  // namespace npy_internal

inline absl::StatusOr<Npy> ParseNpy(absl::string_view bytes) {
  const auto refuse = [](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(".npy file is not readable: ", why));
  };
  if (bytes.size() < 10 || !absl::StartsWith(bytes, "\x93NUMPY")) return refuse("magic");
  const std::size_t length_bytes = bytes[6] == 1 ? 2 : 4;
  if (bytes.size() < 8 + length_bytes) return refuse("header length");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[8 + i])) << (8 * i);
  }
  if (length > bytes.size() - 8 - length_bytes) return refuse("header");
  const absl::string_view header = bytes.substr(8 + length_bytes, length);
  if (npy_internal::Entry(header, "fortran_order") != "False") return refuse("order is not C");
  Npy array;
  if (!npy_internal::ParseShape(npy_internal::Entry(header, "shape"), &array.shape)) {
    return refuse("shape");
  }
  std::size_t count = 1;
  for (const std::int64_t extent : array.shape) {
    if (extent != 0 && count > bytes.size() / static_cast<std::size_t>(extent)) {
      return refuse("shape is larger than the file");
    }
    count *= static_cast<std::size_t>(extent);
  }
  const absl::string_view payload = bytes.substr(8 + length_bytes + length);
  const absl::string_view type = npy_internal::Entry(header, "descr");
  if (!npy_internal::ConvertAny(type, payload, count, &array.values)) {
    return refuse(absl::StrCat("type ", type, " and ", payload.size(), " bytes"));
  }
  return array;
}

inline absl::StatusOr<Npy> ReadNpy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " cannot be opened"));
  std::ostringstream content;
  content << file.rdbuf();
  return ParseNpy(content.str());
}

}  // namespace millrace::testing_support

#endif  // MILLRACE_TESTS_SUPPORT_NPY_H_
