// millrace help
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands.h"
#include "client/cli/help_topics.h"

namespace millrace::client {
namespace {

std::string TopicNames(absl::string_view separator) {
  return absl::StrJoin(HelpTopics(), separator, [](std::string* out, const HelpTopic& topic) {
    absl::StrAppend(out, topic.name);
  });
}

void PrintTopics(std::ostream& out) {
  out << "Topics, in the order in which they are best read:\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const HelpTopic& topic : HelpTopics()) rows.push_back({"  " + topic.name, topic.sentence});
  PrintTable(out, rows);
  out << "\nmillrace help TOPIC teaches one; millrace --help lists the commands, and --help after "
         "a\n"
         "command its options.\n";
}

absl::Status ListTopics(const Context& context) {
  Json array = Json::Array();
  for (const HelpTopic& topic : HelpTopics()) {
    Json entry = Json::Object();
    entry.Set("topic", topic.name).Set("sentence", topic.sentence);
    array.Add(std::move(entry));
  }
  context.Show(array, PrintTopics);
  return absl::OkStatus();
}

absl::Status Teach(const Context& context, const std::string& name) {
  if (name.empty()) return ListTopics(context);
  for (const HelpTopic& topic : HelpTopics()) {
    if (topic.name != name) continue;
    Json object = Json::Object();
    object.Set("topic", topic.name).Set("sentence", topic.sentence).Set("text", topic.text);
    context.Show(object, [&](std::ostream& out) {
      out << topic.name << ": " << topic.sentence << "\n" << topic.text;
    });
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("there is no topic '", name, "'; expected one of ",
                                          TopicNames(", "),
                                          "; of a command: millrace COMMAND --help"));
}

}  // namespace

void AddHelpCommand(CLI::App* app, Context* context) {
  auto topic = std::make_shared<std::string>();
  CLI::App* help = app->add_subcommand("help", "Teach a topic; without one, list them");
  help->add_option("TOPIC", *topic, "Streams, targets, recovery, ...")
      ->type_name(absl::StrCat("{", TopicNames(","), "}"));
  help->callback([=] { context->local_action = [=] { return Teach(*context, *topic); }; });
}

}  // namespace millrace::client
