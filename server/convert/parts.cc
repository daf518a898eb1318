#include "server/convert/parts.h"

#include <string>

#include "server/convert/spec.h"

namespace millrace::server {
namespace {

v1::SettingDescription::Type TypeToWire(engine::SettingType type) {
  switch (type) {
    case engine::SettingType::kFlag:
      return v1::SettingDescription::TYPE_FLAG;
    case engine::SettingType::kInteger:
      return v1::SettingDescription::TYPE_INTEGER;
    case engine::SettingType::kNumber:
      return v1::SettingDescription::TYPE_NUMBER;
    case engine::SettingType::kText:
      return v1::SettingDescription::TYPE_TEXT;
  }
  return v1::SettingDescription::TYPE_UNSPECIFIED;
}

v1::SettingDescription SettingToWire(const engine::SettingDescription& setting) {
  v1::SettingDescription wire;
  wire.set_name(setting.name);
  wire.set_type(TypeToWire(setting.type));
  wire.set_unit(setting.unit);
  if (setting.minimum.has_value()) wire.set_minimum(*setting.minimum);
  if (setting.maximum.has_value()) wire.set_maximum(*setting.maximum);
  for (const std::string& choice : setting.choices) wire.add_choices(choice);
  if (setting.default_value.has_value()) {
    *wire.mutable_default_value() = ToWire({setting.name, *setting.default_value});
  }
  wire.set_sentence(setting.sentence);
  return wire;
}

}  // namespace

v1::PartDescription ToWire(const engine::PartDescription& part) {
  v1::PartDescription wire;
  wire.set_kind(part.kind);
  wire.set_name(part.name);
  wire.set_sentence(part.sentence);
  for (const engine::SettingDescription& setting : part.settings) {
    *wire.add_settings() = SettingToWire(setting);
  }
  return wire;
}

}  // namespace millrace::server
