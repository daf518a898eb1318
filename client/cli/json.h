// A JSON value to print: objects keep the order in which their members were set.
//
//   Json object = Json::Object();
//   object.Set("steps", 12).Set("loss", 0.5);
//   out << object.Text();            // {"steps":12,"loss":0.5}
//
// Numbers that JSON cannot hold (NaN, infinity) become null. Values are copied. Thread-compatible.
#ifndef MILLRACE_CLIENT_CLI_JSON_H_
#define MILLRACE_CLIENT_CLI_JSON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "google/protobuf/message.h"

namespace millrace::client {

class Json {
 public:
  Json() : value_(nullptr) {}
  // A value where a Json is expected is that value as JSON.
  // NOLINTBEGIN(google-explicit-constructor)
  Json(bool value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(std::int64_t value) : value_(value) {}
  Json(std::uint32_t value) : value_(std::uint64_t{value}) {}
  Json(std::uint64_t value) : value_(value) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  // NOLINTEND(google-explicit-constructor)

  static Json Object() { return Json(Members()); }
  static Json Array() { return Json(Items()); }
  // Every field that has no presence of its own, and every other that is set; 64-bit integers as
  // numbers, enums as names, timestamps as RFC 3339.
  static Json Of(const google::protobuf::Message& message);

  // Of objects. Replaces a member of the same name.
  Json& Set(const std::string& name, Json value);
  // Sets it only where there is a value.
  template <typename T>
  Json& Set(const std::string& name, const std::optional<T>& value) {
    return value ? Set(name, Json(*value)) : *this;
  }
  // Sets every member of another object.
  Json& Merge(const Json& other);
  // Null where there is none.
  const Json* Find(const std::string& name) const;
  // Of arrays.
  Json& Add(Json value);

  bool empty() const;
  // One line, or indented by two spaces a level.
  std::string Text(bool indented = false) const;

 private:
  using Members = std::vector<std::pair<std::string, Json>>;
  using Items = std::vector<Json>;

  explicit Json(Members members) : value_(std::move(members)) {}
  explicit Json(Items items) : value_(std::move(items)) {}
  void Append(int depth, bool indented, std::string* text) const;

  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Members,
               Items>
      value_;
};

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_JSON_H_
