#include "server/convert/spec.h"

#include <cstdint>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/errors.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"

namespace millrace::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status BadSpec(absl::string_view sentence) {
  return engine::Error(absl::StatusCode::kInvalidArgument, engine::kBadSpec, sentence);
}

absl::Status RefuseUnknownEnum(const Message& message, const FieldDescriptor& field,
                               const std::string& path) {
  // Specifications have no repeated enums.
  const int number = message.GetReflection()->GetEnumValue(message, &field);
  if (field.enum_type()->FindValueByNumber(number) != nullptr) return absl::OkStatus();
  return BadSpec(absl::StrCat(path, ".", field.name(), " is ", number, ", no value of ",
                              field.enum_type()->full_name(),
                              " that this server knows; use one that its release lists"));
}

absl::StatusOr<engine::SettingValue> ValueFromWire(const v1::Setting& setting,
                                                   absl::string_view owner) {
  switch (setting.value_case()) {
    case v1::Setting::kFlag:
      return engine::SettingValue(setting.flag());
    case v1::Setting::kInteger:
      return engine::SettingValue(static_cast<std::int64_t>(setting.integer()));
    case v1::Setting::kNumber:
      return engine::SettingValue(setting.number());
    case v1::Setting::kText:
      return engine::SettingValue(setting.text());
    case v1::Setting::VALUE_NOT_SET:
      break;
  }
  return BadSpec(absl::StrCat("setting '", setting.name(), "' of ", owner,
                              " has no value; set flag, integer, number or text"));
}

absl::StatusOr<engine::PartSpec> PartFromWire(const v1::Part& part, absl::string_view kind) {
  engine::PartSpec converted{.name = part.name(), .settings = {}};
  for (const v1::Setting& setting : part.settings()) {
    auto value = ValueFromWire(setting, kind);
    if (!value.ok()) return value.status();
    if (!converted.settings.emplace(setting.name(), *std::move(value)).second) {
      return BadSpec(absl::StrCat("setting '", setting.name(), "' of ", kind,
                                  " is given twice; give it once"));
    }
  }
  return converted;
}

void PartToWire(const engine::PartSpec& part, v1::Part* wire) {
  wire->set_name(part.name);
  for (const auto& [name, value] : part.settings) *wire->add_settings() = ToWire({name, value});
}

// The part that `which` names of either specification, for every kind.
struct Kind {
  const char* name;
  engine::PartSpec engine::ModelSpec::*ours;
  const v1::Part& (v1::ModelSpec::*read)() const;
  v1::Part* (v1::ModelSpec::*write)();
};
constexpr Kind kKinds[] = {
    {"input", &engine::ModelSpec::input, &v1::ModelSpec::input, &v1::ModelSpec::mutable_input},
    {"cell", &engine::ModelSpec::cell, &v1::ModelSpec::cell, &v1::ModelSpec::mutable_cell},
    {"head", &engine::ModelSpec::head, &v1::ModelSpec::head, &v1::ModelSpec::mutable_head},
    {"loss", &engine::ModelSpec::loss, &v1::ModelSpec::loss, &v1::ModelSpec::mutable_loss},
    {"rule", &engine::ModelSpec::rule, &v1::ModelSpec::rule, &v1::ModelSpec::mutable_rule},
    {"optimizer", &engine::ModelSpec::optimizer, &v1::ModelSpec::optimizer,
     &v1::ModelSpec::mutable_optimizer},
    {"target", &engine::ModelSpec::target, &v1::ModelSpec::target, &v1::ModelSpec::mutable_target},
    {"guard", &engine::ModelSpec::guard, &v1::ModelSpec::guard, &v1::ModelSpec::mutable_guard},
    {"monitor", &engine::ModelSpec::monitor, &v1::ModelSpec::monitor,
     &v1::ModelSpec::mutable_monitor},
};

// Both sides list their values in the same order, the wire with UNSPECIFIED (the default) in front.
template <typename Ours, typename Wire>
Ours EnumFromWire(Wire wire, Ours unspecified) {
  return wire == 0 ? unspecified : static_cast<Ours>(static_cast<int>(wire) - 1);
}

template <typename Wire, typename Ours>
Wire EnumToWire(Ours ours) {
  return static_cast<Wire>(static_cast<int>(ours) + 1);
}

static_assert(static_cast<int>(engine::NumberType::kFloat64) + 1 == v1::NUMBER_TYPE_FLOAT64);
static_assert(static_cast<int>(engine::WeightSharing::kAdapter) + 1 == v1::WEIGHT_SHARING_ADAPTER);
static_assert(static_cast<int>(engine::Durability::kProcess) + 1 == v1::DURABILITY_PROCESS);
static_assert(static_cast<int>(engine::Durability::kSync) + 1 == v1::DURABILITY_SYNC);
static_assert(static_cast<int>(engine::Device::kCuda) + 1 == v1::DEVICE_CUDA);

}  // namespace

absl::Status RefuseUnknown(const Message& message, const std::string& path) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  if (!unknown.empty()) {
    return BadSpec(absl::StrCat(path, " has field number ", unknown.field(0).number(),
                                ", which this server does not know; leave it out"));
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string inside = absl::StrCat(path, ".", field->name());
    absl::Status status;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      status = RefuseUnknownEnum(message, *field, path);
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (field->is_repeated()) {
      for (int i = 0; status.ok() && i < reflection.FieldSize(message, field); ++i) {
        status = RefuseUnknown(reflection.GetRepeatedMessage(message, field, i), inside);
      }
    } else {
      status = RefuseUnknown(reflection.GetMessage(message, field), inside);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<engine::ModelSpec> FromWire(const v1::ModelSpec& spec) {
  if (absl::Status status = RefuseUnknown(spec, "spec"); !status.ok()) return status;
  engine::ModelSpec converted;
  for (const Kind& kind : kKinds) {
    auto part = PartFromWire((spec.*kind.read)(), kind.name);
    if (!part.ok()) return part.status();
    converted.*kind.ours = *std::move(part);
  }
  converted.number_type = EnumFromWire(spec.number_type(), engine::NumberType::kFloat32);
  converted.weight_sharing = EnumFromWire(spec.weight_sharing(), engine::WeightSharing::kPerStream);
  converted.durability = EnumFromWire(spec.durability(), engine::Durability::kProcess);
  converted.device = EnumFromWire(spec.device(), engine::Device::kCpu);
  return converted;
}

absl::StatusOr<std::vector<engine::NamedSetting>> FromWire(
    const google::protobuf::RepeatedPtrField<v1::Setting>& settings) {
  std::vector<engine::NamedSetting> converted;
  std::set<std::string> seen;
  for (const v1::Setting& setting : settings) {
    if (absl::Status status = RefuseUnknown(setting, "setting"); !status.ok()) return status;
    auto value = ValueFromWire(setting, "the request");
    if (!value.ok()) return value.status();
    if (!seen.insert(setting.name()).second) {
      return BadSpec(absl::StrCat("setting '", setting.name(), "' is given twice; give it once"));
    }
    converted.push_back({setting.name(), *std::move(value)});
  }
  return converted;
}

v1::ModelSpec ToWire(const engine::ModelSpec& spec) {
  v1::ModelSpec wire;
  for (const Kind& kind : kKinds) PartToWire(spec.*kind.ours, (wire.*kind.write)());
  wire.set_number_type(EnumToWire<v1::NumberType>(spec.number_type));
  wire.set_weight_sharing(EnumToWire<v1::WeightSharing>(spec.weight_sharing));
  wire.set_durability(EnumToWire<v1::Durability>(spec.durability));
  wire.set_device(EnumToWire<v1::Device>(spec.device));
  return wire;
}

v1::Setting ToWire(const engine::NamedSetting& setting) {
  v1::Setting wire;
  wire.set_name(setting.name);
  if (const bool* flag = std::get_if<bool>(&setting.value)) {
    wire.set_flag(*flag);
  } else if (const std::int64_t* integer = std::get_if<std::int64_t>(&setting.value)) {
    wire.set_integer(*integer);
  } else if (const double* number = std::get_if<double>(&setting.value)) {
    wire.set_number(*number);
  } else {
    wire.set_text(std::get<std::string>(setting.value));
  }
  return wire;
}

}  // namespace millrace::server
