#include "client/cli/spec_file.h"

#include "absl/strings/str_cat.h"
#include "client/cli/npy.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace millrace::client {
namespace {

// Keeps the first complaint.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// `expected` says what the text is to be, with an example.
absl::Status Parse(const std::string& text, const std::string& name, const char* expected,
                   google::protobuf::Message* message) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.ParseFromString(text, message)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ":", error.text(), "; expected ", expected));
}

}  // namespace

absl::StatusOr<v1::ModelSpec> ParseSpec(const std::string& text, const std::string& name) {
  v1::ModelSpec spec;
  absl::Status status = Parse(text, name,
                              "a ModelSpec in protobuf text format, e.g. cell { name: \"vanilla\" "
                              "settings { name: \"units\" integer: 64 } }",
                              &spec);
  if (!status.ok()) return status;
  return spec;
}

absl::StatusOr<v1::VariantSet> ReadVariants(const std::string& path) {
  constexpr char kExpected[] =
      "a VariantSet in protobuf text format, e.g. variants { name: \"fast\" settings { name: "
      "\"optimizer.rate\" number: 1e-3 } }";
  const auto text = ReadBytes(path);
  if (!text.ok()) return text.status();
  v1::VariantSet set;
  absl::Status status = Parse(*text, path, kExpected, &set);
  if (!status.ok()) return status;
  if (set.variants().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has no variants; expected ", kExpected));
  }
  return set;
}

absl::StatusOr<v1::ModelSpec> ReadSpec(const std::string& path) {
  const auto text = ReadBytes(path);
  if (!text.ok()) return text.status();
  return ParseSpec(*text, path);
}

std::string SpecText(const v1::ModelSpec& spec) {
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  const auto part = [&](const char* kind, bool present, const v1::Part& value) {
    if (!present) return;
    absl::StrAppend(&text, kind, " {\n  name: \"", value.name(), "\"\n");
    for (const v1::Setting& setting : value.settings()) {
      std::string line;
      printer.SetSingleLineMode(true);
      printer.PrintToString(setting, &line);
      absl::StrAppend(&text, "  settings { ", line, "}\n");
    }
    absl::StrAppend(&text, "}\n");
  };
  part("input", spec.has_input(), spec.input());
  part("cell", spec.has_cell(), spec.cell());
  part("head", spec.has_head(), spec.head());
  part("loss", spec.has_loss(), spec.loss());
  part("rule", spec.has_rule(), spec.rule());
  part("optimizer", spec.has_optimizer(), spec.optimizer());
  part("target", spec.has_target(), spec.target());
  part("guard", spec.has_guard(), spec.guard());
  part("monitor", spec.has_monitor(), spec.monitor());
  v1::ModelSpec rest;
  rest.set_number_type(spec.number_type());
  rest.set_weight_sharing(spec.weight_sharing());
  rest.set_durability(spec.durability());
  rest.set_device(spec.device());
  std::string enums;
  google::protobuf::TextFormat::PrintToString(rest, &enums);
  return text + enums;
}

}  // namespace millrace::client
