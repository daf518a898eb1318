#include "server/config/config.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/config/settings.h"
#include "server/security/address.h"

namespace millrace::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

// Keeps the first complaint of the text parser, with its place.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  void AddWarning(int line, int column, const std::string& message) override {
    AddError(line, column, message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status Refuse(const SettingRow& row, absl::string_view got, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(row.name, " is ", got, "; expected ", expected,
                                                 " (set it in the config file or with --", row.name,
                                                 ")"));
}

std::string Bounds(const SettingRow& row) {
  return absl::StrCat("an integer from ", row.minimum, " to ", row.maximum, " (", row.unit, ")");
}

absl::Status SetInteger(const SettingRow& row, const std::string& text,
                        const FieldDescriptor* field, ServerConfig* config) {
  std::int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) {
    return Refuse(row, absl::StrCat("'", text, "'"), Bounds(row));
  }
  config->GetReflection()->SetInt64(config, field, value);
  return absl::OkStatus();
}

absl::Status SetFlag(const SettingRow& row, const std::string& text, const FieldDescriptor* field,
                     ServerConfig* config) {
  if (text != "true" && text != "false") {
    return Refuse(row, absl::StrCat("'", text, "'"), "true or false");
  }
  config->GetReflection()->SetBool(config, field, text == "true");
  return absl::OkStatus();
}

void SetList(const std::vector<std::string>& values, const FieldDescriptor* field,
             ServerConfig* config) {
  const Reflection* reflection = config->GetReflection();
  reflection->ClearField(config, field);
  for (const std::string& value : values) reflection->AddString(config, field, value);
}

// Fills the default of one absent field, or checks the one that is there.
absl::Status CompleteField(const SettingRow& row, ServerConfig* config) {
  const FieldDescriptor* field = config->GetDescriptor()->FindFieldByName(row.name);
  const Reflection* reflection = config->GetReflection();
  if (field->is_repeated()) {
    const int entries = reflection->FieldSize(*config, field);
    if (entries <= row.integer) return absl::OkStatus();
    return Refuse(row, absl::StrCat("a list of ", entries), absl::StrCat("at most ", row.integer));
  }
  const bool present = reflection->HasField(*config, field);
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (!present && *row.text != '\0') reflection->SetString(config, field, row.text);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_INT64: {
      if (!present) reflection->SetInt64(config, field, row.integer);
      const std::int64_t value = reflection->GetInt64(*config, field);
      if (value >= row.minimum && value <= row.maximum) return absl::OkStatus();
      return Refuse(row, absl::StrCat(value), Bounds(row));
    }
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckTls(const ServerConfig& config) {
  if (config.tls_cert().empty() != config.tls_key().empty()) {
    const bool has_cert = !config.tls_cert().empty();
    return absl::InvalidArgumentError(
        absl::StrCat(has_cert ? "tls_cert" : "tls_key", " is set without ",
                     has_cert ? "tls_key" : "tls_cert", "; TLS needs both"));
  }
  if (!config.tls_client_ca().empty() && config.tls_cert().empty()) {
    return absl::InvalidArgumentError(
        "tls_client_ca is set without tls_cert and tls_key; mutual TLS needs all three");
  }
  return absl::OkStatus();
}

absl::Status CheckAddress(const char* name, const std::string& text, bool encrypted,
                          bool insecure_listen) {
  const absl::StatusOr<Address> address = ParseAddress(text);
  if (!address.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is ", address.status().message()));
  }
  if (encrypted || insecure_listen || IsLoopback(*address)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      name, " is '", text, "', which is not a loopback address, and would be plain text; ",
      std::string(name) == "listen" ? "give --tls_cert and --tls_key, or allow it with "
                                    : "allow it with ",
      "--insecure_listen"));
}

}  // namespace

absl::Status MergeFile(const std::string& path, ServerConfig* config) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        "config file '", path, "' cannot be read; check the path and its permissions"));
  }
  const std::string contents = text.str();
  google::protobuf::io::ArrayInputStream stream(contents.data(), static_cast<int>(contents.size()));
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.Merge(&stream, config)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("config file '", path, "' is not a valid ServerConfig at ", error.text(),
                   " (fields: server/config/config.proto, or millraced --help)"));
}

absl::Status SetField(const std::string& name, const std::vector<std::string>& values,
                      ServerConfig* config) {
  const SettingRow* row = FindSetting(name.c_str());
  const FieldDescriptor* field = config->GetDescriptor()->FindFieldByName(name);
  if (row == nullptr || field == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no setting '", name, "'; millraced --help lists them"));
  }
  if (field->is_repeated()) {
    SetList(values, field, config);
    return absl::OkStatus();
  }
  if (values.size() != 1) {
    return Refuse(*row, absl::StrCat("given ", values.size(), " times"), "one value");
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      return SetInteger(*row, values[0], field, config);
    case FieldDescriptor::CPPTYPE_BOOL:
      return SetFlag(*row, values[0], field, config);
    default:
      config->GetReflection()->SetString(config, field, values[0]);
      return absl::OkStatus();
  }
}

absl::Status Complete(ServerConfig* config) {
  for (const SettingRow& row : SettingRows()) {
    if (absl::Status status = CompleteField(row, config); !status.ok()) return status;
  }
  if (config->store().empty()) {
    return absl::InvalidArgumentError(
        "store is not set; give --store DIR, the directory that holds models, journals and "
        "snapshots");
  }
  if (absl::Status status = CheckTls(*config); !status.ok()) return status;
  const bool insecure = config->insecure_listen();
  absl::Status status =
      CheckAddress("listen", config->listen(), !config->tls_cert().empty(), insecure);
  if (!status.ok()) return status;
  return CheckAddress("metrics_listen", config->metrics_listen(), false, insecure);
}

bool ServesPage(const ServerConfig& config) {
  if (config.no_page()) return false;
  const absl::StatusOr<Address> address = ParseAddress(config.metrics_listen());
  return config.tls_client_ca().empty() || (address.ok() && IsLoopback(*address));
}

RuntimeOptions ToRuntimeOptions(const ServerConfig& config) {
  RuntimeOptions options;
  options.store_path = config.store();
  options.worker_threads = static_cast<int>(config.worker_threads());
  options.memory_limit_bytes = config.memory_limit_bytes();
  options.device_memory_limit_bytes = config.device_memory_limit_bytes();
  options.max_streams = config.max_streams();
  options.max_models = config.max_models();
  options.window_steps = static_cast<std::uint32_t>(config.window_steps());
  options.window_bytes = static_cast<std::uint32_t>(config.window_bytes());
  options.min_free_bytes = config.min_free_bytes();
  options.snapshot_journal_bytes = config.snapshot_journal_bytes();
  options.snapshot_steps = static_cast<std::uint64_t>(config.snapshot_steps());
  options.idle_page_out = absl::Seconds(config.idle_page_out_s());
  options.sync_interval = absl::Milliseconds(config.sync_interval_ms());
  return options;
}

}  // namespace millrace::server
