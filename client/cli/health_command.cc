// millrace health
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands.h"

namespace millrace::client {
namespace {

using grpc::health::v1::HealthCheckResponse;

constexpr char kLearningService[] = "millrace.v1.Learning";

struct Standing {
  bool serving = false, learning = false;
  std::vector<std::string> quarantined;
};

absl::StatusOr<bool> Serving(Client& client, const std::string& service) {
  const auto answer = client.CheckHealth(service);
  if (!answer.ok()) return answer.status();
  return answer->status() == HealthCheckResponse::SERVING;
}

absl::StatusOr<Standing> Ask(Client& client) {
  Standing standing;
  const auto serving = Serving(client, "");
  if (!serving.ok()) return serving.status();
  standing.serving = *serving;
  const auto learning = Serving(client, kLearningService);
  if (!learning.ok()) return learning.status();
  standing.learning = *learning;
  const auto streams = client.ListStreams();
  if (!streams.ok()) return streams.status();
  for (const v1::Stream& stream : *streams) {
    if (stream.quarantined()) standing.quarantined.push_back(stream.id());
  }
  return standing;
}

absl::Status Health(const Context& context, Client& client) {
  const auto standing = Ask(client);
  if (!standing.ok()) return standing.status();
  const std::string& server = context.globals.server;
  Json quarantined = Json::Array();
  for (const std::string& id : standing->quarantined) quarantined.Add(id);
  Json object = Json::Object();
  object.Set("server", server)
      .Set("serving", standing->serving)
      .Set("learning", standing->learning)
      .Set("quarantined", std::move(quarantined));
  context.Show(object, [&](std::ostream& out) {
    const std::string ids = absl::StrJoin(standing->quarantined, " ");
    PrintTable(out, {{"server", server},
                     {"serving", standing->serving ? "yes" : "no"},
                     {"learning", standing->learning ? "yes" : "no"},
                     {"quarantined", ids.empty() ? "none" : ids}});
  });
  if (!standing->serving) {
    return absl::FailedPreconditionError(
        absl::StrCat("server ", server, " drains; wait until it is back"));
  }
  if (!standing->learning) {
    return absl::FailedPreconditionError(absl::StrCat(
        "server ", server, " takes no observations: its store is short of space; make room"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddHealthCommand(CLI::App* app, Context* context) {
  CLI::App* health = app->add_subcommand(
      "health", "Ask whether the server serves and learns; exit code 0 if both");
  health->callback(
      [=] { context->action = [=](Client& client) { return Health(*context, client); }; });
}

}  // namespace millrace::client
