#include "client/cli/commands.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace millrace::client {

void Context::Show(const Json& object, const std::function<void(std::ostream&)>& text) const {
  if (json) {
    *io.out << object.Text() << std::endl;
  } else {
    text(*io.out);
  }
}

void Context::ShowMembers(const google::protobuf::Message& message) const {
  const Json object = Json::Of(message);
  Show(object, [&](std::ostream& out) { out << object.Text(true) << "\n"; });
}

absl::StatusOr<std::vector<v1::Setting>> ParseSettings(const std::vector<std::string>& texts) {
  std::vector<v1::Setting> settings;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "setting is '", text, "'; expected PART.NAME=VALUE, e.g. optimizer.rate=1e-4"));
    }
    const std::string value = text.substr(equals + 1);
    v1::Setting setting;
    setting.set_name(text.substr(0, equals));
    std::int64_t integer = 0;
    double number = 0;
    if (value == "true" || value == "false") {
      setting.set_flag(value == "true");
    } else if (absl::SimpleAtoi(value, &integer)) {
      setting.set_integer(integer);
    } else if (absl::SimpleAtod(value, &number)) {
      setting.set_number(number);
    } else {
      setting.set_text(value);
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

std::string SettingText(const v1::Setting& setting) {
  switch (setting.value_case()) {
    case v1::Setting::kFlag:
      return setting.flag() ? "true" : "false";
    case v1::Setting::kInteger:
      return absl::StrCat(setting.integer());
    case v1::Setting::kNumber:
      return absl::StrCat(setting.number());
    case v1::Setting::kText:
      return setting.text();
    case v1::Setting::VALUE_NOT_SET:
      break;
  }
  return "";
}

void PrintTable(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) {
      line += row[k];
      if (k + 1 < row.size()) line.append(widths[k] + 2 - row[k].size(), ' ');
    }
    out << line << "\n";
  }
}

}  // namespace millrace::client
