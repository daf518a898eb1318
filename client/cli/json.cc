#include "client/cli/json.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"

namespace millrace::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void AppendString(const std::string& value, std::string* text) {
  text->push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      text->push_back('\\');
      text->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      *text += absl::StrFormat("\\u%04x", static_cast<unsigned>(c));
    } else {
      text->push_back(c);
    }
  }
  text->push_back('"');
}

template <typename Number>
void AppendNumber(Number value, std::string* text) {
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  text->append(digits, end.ptr);
}

void AppendBreak(int depth, bool indented, std::string* text) {
  if (!indented) return;
  text->push_back('\n');
  text->append(static_cast<std::size_t>(depth) * 2, ' ');
}

Json OfMessage(const Message& message) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return Json(google::protobuf::util::TimeUtil::ToString(*time));
  }
  return Json::Of(message);
}

// One value: of a singular field, or of a repeated one at `index`.
Json OfField(const Message& message, const FieldDescriptor& field, int index) {
  const auto& reflection = *message.GetReflection();
  const bool many = index >= 0;
  const auto get = [&](auto single, auto repeated) {
    return many ? Json((reflection.*repeated)(message, &field, index))
                : Json((reflection.*single)(message, &field));
  };
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return get(&R::GetBool, &R::GetRepeatedBool);
    case FieldDescriptor::CPPTYPE_INT32:
      return get(&R::GetInt32, &R::GetRepeatedInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return get(&R::GetInt64, &R::GetRepeatedInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return get(&R::GetUInt32, &R::GetRepeatedUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return get(&R::GetUInt64, &R::GetRepeatedUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return get(&R::GetDouble, &R::GetRepeatedDouble);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Json(double{many ? reflection.GetRepeatedFloat(message, &field, index)
                              : reflection.GetFloat(message, &field)});
    case FieldDescriptor::CPPTYPE_STRING:
      return get(&R::GetString, &R::GetRepeatedString);
    case FieldDescriptor::CPPTYPE_ENUM:
      return Json(std::string((many ? reflection.GetRepeatedEnum(message, &field, index)
                                    : reflection.GetEnum(message, &field))
                                  ->name()));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return OfMessage(many ? reflection.GetRepeatedMessage(message, &field, index)
                            : reflection.GetMessage(message, &field));
  }
  return Json();
}

}  // namespace

Json Json::Of(const Message& message) {
  const auto& reflection = *message.GetReflection();
  const auto& descriptor = *message.GetDescriptor();
  Json object = Object();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (field.is_repeated()) {
      Json array = Array();
      for (int k = 0; k < reflection.FieldSize(message, &field); ++k) {
        array.Add(OfField(message, field, k));
      }
      object.Set(field.name(), std::move(array));
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      object.Set(field.name(), OfField(message, field, -1));
    }
  }
  return object;
}

Json& Json::Set(const std::string& name, Json value) {
  Members& members = std::get<Members>(value_);
  for (auto& [key, member] : members) {
    if (key == name) {
      member = std::move(value);
      return *this;
    }
  }
  members.emplace_back(name, std::move(value));
  return *this;
}

Json& Json::Merge(const Json& other) {
  for (const auto& [name, member] : std::get<Members>(other.value_)) Set(name, member);
  return *this;
}

const Json* Json::Find(const std::string& name) const {
  const auto* members = std::get_if<Members>(&value_);
  if (members == nullptr) return nullptr;
  for (const auto& [key, member] : *members) {
    if (key == name) return &member;
  }
  return nullptr;
}

Json& Json::Add(Json value) {
  std::get<Items>(value_).push_back(std::move(value));
  return *this;
}

bool Json::empty() const {
  if (const auto* members = std::get_if<Members>(&value_)) return members->empty();
  if (const auto* items = std::get_if<Items>(&value_)) return items->empty();
  return std::holds_alternative<std::nullptr_t>(value_);
}

void Json::Append(int depth, bool indented, std::string* text) const {
  if (const auto* flag = std::get_if<bool>(&value_)) {
    *text += *flag ? "true" : "false";
  } else if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
    AppendNumber(*integer, text);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&value_)) {
    AppendNumber(*natural, text);
  } else if (const auto* number = std::get_if<double>(&value_); number && std::isfinite(*number)) {
    AppendNumber(*number, text);
  } else if (const auto* string = std::get_if<std::string>(&value_)) {
    AppendString(*string, text);
  } else if (const auto* members = std::get_if<Members>(&value_)) {
    text->push_back('{');
    const char* comma = "";
    for (const auto& [key, member] : *members) {
      *text += comma;
      comma = ",";
      AppendBreak(depth + 1, indented, text);
      AppendString(key, text);
      *text += indented ? ": " : ":";
      member.Append(depth + 1, indented, text);
    }
    if (!members->empty()) AppendBreak(depth, indented, text);
    text->push_back('}');
  } else if (const auto* items = std::get_if<Items>(&value_)) {
    text->push_back('[');
    const char* comma = "";
    for (const Json& item : *items) {
      *text += comma;
      comma = ",";
      AppendBreak(depth + 1, indented, text);
      item.Append(depth + 1, indented, text);
    }
    if (!items->empty()) AppendBreak(depth, indented, text);
    text->push_back(']');
  } else {
    *text += "null";
  }
}

std::string Json::Text(bool indented) const {
  std::string text;
  Append(0, indented, &text);
  return text;
}

}  // namespace millrace::client
