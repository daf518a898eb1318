#include "tests/trajectory/reading.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace millrace::trajectory {
namespace {

constexpr std::size_t kLongestQuote = 60;

}  // namespace

absl::Status Wrong(absl::string_view place, absl::string_view got, absl::string_view expected,
                   absl::string_view remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat(place, " is ", got, "; expected ", expected, "; ", remedy));
}

std::string WordsOf(const Json& value) {
  if (value.is_array()) return absl::StrCat("an array of ", value.size());
  if (value.is_object()) return absl::StrCat("an object of ", value.size(), " keys");
  if (value.is_string()) {
    return absl::StrCat("the text '", value.get<std::string>().substr(0, kLongestQuote), "'");
  }
  return value.dump();
}

absl::StatusOr<Json> ParseObject(const std::string& text) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  Json object;
  try {
    object = Json::parse(text, watch);
  } catch (const Json::exception& problem) {
    return Wrong("the file", absl::StrCat("no JSON (", problem.what(), ")"),
                 "one JSON object of finite numbers", "NaN and Infinity are no JSON numbers");
  }
  if (!twice.empty()) {
    return Wrong(absl::StrCat("key '", twice, "'"), "there twice in one object", "each key once",
                 "leave one out");
  }
  if (!object.is_object()) {
    return Wrong("the file", WordsOf(object), "one JSON object", "see tests/trajectory/README.md");
  }
  return object;
}

absl::Status CheckKeys(const Json& object, absl::string_view place,
                       std::initializer_list<const char*> known) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return absl::InvalidArgumentError(absl::StrFormat("key '%s' of %s is unknown; known keys: %s",
                                                      key, place, absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> ReadNumber(const Json& value, absl::string_view place) {
  if (value.is_number()) return value.get<double>();
  return Wrong(place, WordsOf(value), "a number", "write one there");
}

absl::StatusOr<std::string> ReadText(const Json& value, absl::string_view place) {
  if (value.is_string()) return value.get<std::string>();
  return Wrong(place, WordsOf(value), "a text", "write a name there");
}

absl::StatusOr<std::vector<double>> ReadVector(const Json& value, absl::string_view place,
                                               std::int64_t count) {
  if (!value.is_array() || static_cast<std::int64_t>(value.size()) != count) {
    return Wrong(place, WordsOf(value), absl::StrCat("an array of ", count, " numbers"),
                 "sizes follow from inputs and weights");
  }
  std::vector<double> numbers;
  for (const Json& element : value) {
    absl::StatusOr<double> number =
        ReadNumber(element, absl::StrCat(place, "[", numbers.size(), "]"));
    if (!number.ok()) return number.status();
    numbers.push_back(*number);
  }
  return numbers;
}

absl::StatusOr<std::vector<double>> ReadMatrix(const Json& value, absl::string_view place,
                                               std::int64_t rows, std::int64_t width) {
  if (!value.is_array() || static_cast<std::int64_t>(value.size()) != rows) {
    return Wrong(place, WordsOf(value),
                 absl::StrCat("an array of ", rows, " rows of ", width, " numbers"),
                 "sizes follow from inputs and weights");
  }
  std::vector<double> numbers;
  for (std::size_t row = 0; row < value.size(); ++row) {
    absl::StatusOr<std::vector<double>> read =
        ReadVector(value[row], absl::StrCat(place, "[", row, "]"), width);
    if (!read.ok()) return read.status();
    numbers.insert(numbers.end(), read->begin(), read->end());
  }
  return numbers;
}

}  // namespace millrace::trajectory
