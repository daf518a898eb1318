// JSON values as numbers of a known shape, with errors that say where in the file they are.
//
// A place is the path of a value as a reader would write it: "weights.input", "rule.name".
// Thread-safe: pure functions. O(values).
#ifndef MILLRACE_TESTS_TRAJECTORY_READING_H_
#define MILLRACE_TESTS_TRAJECTORY_READING_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace millrace::trajectory {

using Json = nlohmann::json;

// "PLACE is GOT; expected EXPECTED; REMEDY".
absl::Status Wrong(absl::string_view place, absl::string_view got, absl::string_view expected,
                   absl::string_view remedy);
// What a value is, in words: "the text 'a'", "an array of 3", "2.5".
std::string WordsOf(const Json& value);

// An object; a key that comes twice in one object is an error, as is what is no JSON.
absl::StatusOr<Json> ParseObject(const std::string& text);

// Every key is one of `known`.
absl::Status CheckKeys(const Json& object, absl::string_view place,
                       std::initializer_list<const char*> known);

absl::StatusOr<double> ReadNumber(const Json& value, absl::string_view place);
absl::StatusOr<std::string> ReadText(const Json& value, absl::string_view place);
// An array of `count` numbers.
absl::StatusOr<std::vector<double>> ReadVector(const Json& value, absl::string_view place,
                                               std::int64_t count);
// [rows, width], row-major, from an array of rows.
absl::StatusOr<std::vector<double>> ReadMatrix(const Json& value, absl::string_view place,
                                               std::int64_t rows, std::int64_t width);

}  // namespace millrace::trajectory

#endif  // MILLRACE_TESTS_TRAJECTORY_READING_H_
