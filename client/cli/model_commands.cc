// millrace model create|list|show|delete, millrace parts

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands.h"
#include "client/cli/spec_file.h"

namespace millrace::client {
namespace {

std::string Range(const v1::SettingDescription& setting) {
  if (!setting.choices().empty()) return absl::StrJoin(setting.choices(), "|");
  std::string range;
  if (setting.has_minimum()) absl::StrAppend(&range, ">= ", setting.minimum());
  if (setting.has_maximum()) {
    absl::StrAppend(&range, range.empty() ? "" : ", ", "<= ", setting.maximum());
  }
  return range;
}

std::string TypeName(v1::SettingDescription::Type type) {
  switch (type) {
    case v1::SettingDescription::TYPE_FLAG:
      return "flag";
    case v1::SettingDescription::TYPE_INTEGER:
      return "integer";
    case v1::SettingDescription::TYPE_NUMBER:
      return "number";
    default:
      return "text";
  }
}

void PrintPart(std::ostream& out, const v1::PartDescription& part) {
  out << part.kind() << " \"" << part.name() << "\": " << part.sentence() << "\n";
  std::vector<std::vector<std::string>> rows;
  for (const v1::SettingDescription& setting : part.settings()) {
    rows.push_back(
        {"  " + setting.name(), setting.unit().empty() ? TypeName(setting.type()) : setting.unit(),
         setting.has_default_value() ? "= " + SettingText(setting.default_value()) : "required",
         Range(setting), setting.sentence()});
  }
  PrintTable(out, rows);
}

absl::Status ShowParts(const Context& context, Client& client, const std::string& kind) {
  const auto parts = client.DescribeParts(kind);
  if (!parts.ok()) return parts.status();
  if (parts->empty()) {
    return absl::NotFoundError(absl::StrCat(
        "there are no parts of kind '", kind,
        "'; expected input, cell, head, loss, rule, optimizer, target, guard or monitor"));
  }
  Json array = Json::Array();
  for (const v1::PartDescription& part : *parts) array.Add(Json::Of(part));
  context.Show(array, [&](std::ostream& out) {
    for (const v1::PartDescription& part : *parts) PrintPart(out, part);
  });
  return absl::OkStatus();
}

absl::Status CreateModel(const Context& context, Client& client, const std::string& name,
                         const std::string& path) {
  const auto spec = ReadSpec(path);
  if (!spec.ok()) return spec.status();
  const auto model = client.CreateModel(name, *spec);
  if (!model.ok()) return model.status();
  context.Show(Json::Of(*model), [&](std::ostream& out) {
    out << absl::StreamFormat("created model %s: %d parameters, %d bytes a stream\n", model->name(),
                              model->parameter_count(), model->stream_bytes());
  });
  return absl::OkStatus();
}

absl::Status ListModels(const Context& context, Client& client) {
  const auto models = client.ListModels();
  if (!models.ok()) return models.status();
  Json array = Json::Array();
  std::vector<std::vector<std::string>> rows = {
      {"MODEL", "INPUT", "CELL", "RULE", "PARAMETERS", "STREAMS"}};
  for (const v1::Model& model : *models) {
    array.Add(Json::Of(model));
    rows.push_back({model.name(), model.spec().input().name(), model.spec().cell().name(),
                    model.spec().rule().name(), absl::StrCat(model.parameter_count()),
                    absl::StrCat(model.stream_count())});
  }
  context.Show(array, [&](std::ostream& out) { PrintTable(out, rows); });
  return absl::OkStatus();
}

absl::Status ShowModel(const Context& context, Client& client, const std::string& name) {
  const auto model = client.GetModel(name);
  if (!model.ok()) return model.status();
  context.Show(Json::Of(*model), [&](std::ostream& out) {
    out << "# model " << model->name() << ": " << model->parameter_count() << " parameters, "
        << model->stream_bytes() << " bytes a stream, " << model->stream_count()
        << " streams\n# specification " << model->spec_digest() << "\n"
        << SpecText(model->spec());
  });
  return absl::OkStatus();
}

absl::Status DeleteModel(const Context& context, Client& client, const std::string& name) {
  if (absl::Status status = client.DeleteModel(name); !status.ok()) return status;
  Json done = Json::Object();
  done.Set("deleted", name);
  context.Show(done, [&](std::ostream& out) { out << "deleted model " << name << "\n"; });
  return absl::OkStatus();
}

}  // namespace

void AddModelCommands(CLI::App* app, Context* context) {
  CLI::App* model = app->add_subcommand("model", "Create, list, show and delete models");
  model->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  auto path = std::make_shared<std::string>();
  const auto add = [&](const char* verb, const char* sentence, bool named,
                       const std::function<absl::Status(Client&)>& action) {
    CLI::App* command = model->add_subcommand(verb, sentence);
    if (named) command->add_option("MODEL", *name, "Name of the model")->required();
    command->callback([context, action] { context->action = action; });
    return command;
  };
  CLI::App* create =
      add("create", "Create a model from a specification file", true,
          [=](Client& client) { return CreateModel(*context, client, *name, *path); });
  create->add_option("--spec", *path, "ModelSpec in protobuf text format")
      ->required()
      ->type_name("FILE.textproto");
  add("list", "List the models", false,
      [=](Client& client) { return ListModels(*context, client); });
  add("show", "Show a model with every setting", true,
      [=](Client& client) { return ShowModel(*context, client, *name); });
  add("delete", "Delete a model that has no streams", true,
      [=](Client& client) { return DeleteModel(*context, client, *name); });

  auto kind = std::make_shared<std::string>();
  CLI::App* parts = app->add_subcommand(
      "parts",
      "What models can be made of: every part with its settings, as the server knows them");
  parts
      ->add_option("KIND", *kind,
                   "input, cell, head, loss, rule, optimizer, target, guard or monitor")
      ->type_name("{input,cell,head,loss,rule,optimizer,target,guard,monitor}");
  parts->callback([=] {
    context->action = [=](Client& client) { return ShowParts(*context, client, *kind); };
  });
}

}  // namespace millrace::client
