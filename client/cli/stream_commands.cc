// millrace stream open|list|show and what changes a stream
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"

namespace millrace::client {
namespace {

std::string StateOf(const v1::Stream& stream) {
  std::string state = stream.quarantined() ? "quarantined" : stream.closed() ? "closed" : "open";
  if (stream.frozen()) state += ", frozen";
  return state;
}

void PrintStream(std::ostream& out, const v1::Stream& stream) {
  std::vector<std::vector<std::string>> rows = {
      {"stream", stream.id()},
      {"model", stream.model()},
      {"state", StateOf(stream)},
      {"epoch", absl::StrCat(stream.epoch())},
      {"seed", absl::StrCat(stream.seed())},
      {"applied_seq", absl::StrCat(stream.applied_seq())},
      {"learned_seq", absl::StrCat(stream.learned_seq())},
      {"durable_seq", absl::StrCat(stream.durable_seq())},
      {"event", absl::StrCat(stream.event())},
      {"memory",
       absl::StrCat(stream.resident_bytes(), " bytes", stream.resident() ? "" : " (paged out)")},
      {"numeric path", stream.numeric_path()}};
  for (const v1::Setting& setting : stream.overrides()) {
    rows.push_back({setting.name(), SettingText(setting)});
  }
  if (!stream.digest().empty()) rows.push_back({"digest", stream.digest()});
  if (!stream.learner_digest().empty()) rows.push_back({"learner_digest", stream.learner_digest()});
  PrintTable(out, rows);
}

struct Arguments {
  std::string name, model;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> event;
  std::vector<std::string> settings;
};

absl::Status Open(const Context& context, Client& client, const Arguments& arguments) {
  const auto settings = ParseSettings(arguments.settings);
  if (!settings.ok()) return settings.status();
  const auto opened = client.OpenStream(
      arguments.name, {.model = arguments.model, .seed = arguments.seed, .overrides = *settings});
  if (!opened.ok()) return opened.status();
  Json object = Json::Of(opened->stream());
  object.Set("created", opened->created());
  context.Show(object, [&](std::ostream& out) {
    out << absl::StreamFormat("%s stream %s of model %s at step %d\n",
                              opened->created() ? "created" : "opened", opened->stream().id(),
                              opened->stream().model(), opened->stream().applied_seq());
  });
  return absl::OkStatus();
}

absl::Status List(const Context& context, Client& client, const std::string& model) {
  const auto streams = client.ListStreams(model);
  if (!streams.ok()) return streams.status();
  Json array = Json::Array();
  std::vector<std::vector<std::string>> rows = {
      {"STREAM", "MODEL", "STATE", "EPOCH", "APPLIED", "LEARNED", "DURABLE"}};
  for (const v1::Stream& stream : *streams) {
    array.Add(Json::Of(stream));
    rows.push_back({stream.id(), stream.model(), StateOf(stream), absl::StrCat(stream.epoch()),
                    absl::StrCat(stream.applied_seq()), absl::StrCat(stream.learned_seq()),
                    absl::StrCat(stream.durable_seq())});
  }
  context.Show(array, [&](std::ostream& out) { PrintTable(out, rows); });
  return absl::OkStatus();
}

absl::Status ShowStream(const Context& context, const absl::StatusOr<v1::Stream>& stream) {
  if (!stream.ok()) return stream.status();
  context.Show(Json::Of(*stream), [&](std::ostream& out) { PrintStream(out, *stream); });
  return absl::OkStatus();
}

absl::Status ShowSnapshots(const Context& context, Client& client, const std::string& name) {
  const auto snapshots = client.ListSnapshots(name);
  if (!snapshots.ok()) return snapshots.status();
  Json array = Json::Array();
  std::vector<std::vector<std::string>> rows = {{"EVENT", "APPLIED", "BYTES", "CHECKSUM"}};
  for (const v1::Snapshot& snapshot : *snapshots) {
    array.Add(Json::Of(snapshot));
    rows.push_back({absl::StrCat(snapshot.event()), absl::StrCat(snapshot.applied_seq()),
                    absl::StrCat(snapshot.bytes()), snapshot.checksum()});
  }
  context.Show(array, [&](std::ostream& out) { PrintTable(out, rows); });
  return absl::OkStatus();
}

absl::Status TakeSnapshot(const Context& context, Client& client, const std::string& name) {
  const auto snapshot = client.SnapshotStream(name);
  if (!snapshot.ok()) return snapshot.status();
  context.Show(Json::Of(*snapshot), [&](std::ostream& out) {
    out << absl::StreamFormat("snapshot of %s at event %d (step %d), %d bytes\n", name,
                              snapshot->event(), snapshot->applied_seq(), snapshot->bytes());
  });
  return absl::OkStatus();
}

absl::Status DeleteStream(const Context& context, Client& client, const std::string& name) {
  if (absl::Status status = client.DeleteStream(name); !status.ok()) return status;
  Json done = Json::Object();
  done.Set("deleted", name);
  context.Show(done, [&](std::ostream& out) { out << "deleted stream " << name << "\n"; });
  return absl::OkStatus();
}

using Action = std::function<absl::Status(Client&)>;

struct Verb {
  const char* name;
  const char* sentence;
};

CLI::App* AddNamed(CLI::App* parent, Context* context, const Verb& verb,
                   const std::shared_ptr<Arguments>& arguments, const Action& action) {
  CLI::App* command = parent->add_subcommand(verb.name, verb.sentence);
  command->add_option("STREAM", arguments->name, "Name of the stream")->required();
  command->callback([context, action] { context->action = action; });
  return command;
}

}  // namespace

// Those that take a name and show the stream as it is afterwards, and those that take more.
void AddStreamActions(CLI::App* stream, Context* context) {
  struct Simple {
    const char* verb;
    const char* sentence;
    absl::StatusOr<v1::Stream> (Client::*method)(const std::string&);
  };
  static constexpr Simple kSimple[] = {
      {"freeze", "Stop learning; prediction and statistics go on", &Client::FreezeStream},
      {"unfreeze", "Learn again; also returns a guarded stream to its live weights",
       &Client::UnfreezeStream},
      {"reset", "Zero hidden state and sensitivities; weights stay", &Client::ResetStream},
      {"settle", "Let the learner run through every closed step", &Client::SettleStream},
      {"shadow", "Copy the live weights as the frozen shadow", &Client::TakeShadow},
      {"restore", "Bring weights back from the last good copy", &Client::RestoreStream},
      {"close", "Snapshot, leave memory, refuse events until opened again", &Client::CloseStream},
      {"accept-loss", "Take note that acknowledged steps are lost; events are accepted again",
       &Client::AcceptLoss},
  };
  auto arguments = std::make_shared<Arguments>();
  for (const Simple& simple : kSimple) {
    AddNamed(stream, context, {simple.verb, simple.sentence}, arguments,
             [=, method = simple.method](Client& client) {
               return ShowStream(*context, (client.*method)(arguments->name));
             });
  }
  CLI::App* set =
      AddNamed(stream, context, {"set", "Change rates, decays and clips at once"}, arguments,
               [=](Client& client) -> absl::Status {
                 const auto settings = ParseSettings(arguments->settings);
                 if (!settings.ok()) return settings.status();
                 return ShowStream(*context, client.SetStream(arguments->name, *settings));
               });
  set->add_option("SETTING", arguments->settings, "PART.NAME=VALUE, e.g. optimizer.rate=1e-4")
      ->required();
  CLI::App* rollback = AddNamed(
      stream, context, {"rollback", "Go back to a snapshot: numbering rewinds, the epoch rises"},
      arguments, [=](Client& client) {
        return ShowStream(*context, client.RollbackStream(arguments->name, arguments->event));
      });
  rollback->add_option("--event", arguments->event, "Event of the snapshot; default the newest");
}

void AddStreamCommands(CLI::App* app, Context* context) {
  CLI::App* stream = app->add_subcommand("stream", "Open, list, show and change streams");
  stream->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  CLI::App* open =
      AddNamed(stream, context, {"open", "Create a stream, or open a closed one"}, arguments,
               [=](Client& client) { return Open(*context, client, *arguments); });
  open->add_option("--model", arguments->model, "Its model; required for a new stream")
      ->type_name("MODEL");
  open->add_option("--seed", arguments->seed, "Seed of its weights; default 0");
  open->add_option("--set", arguments->settings,
                   "PART.NAME=VALUE that differs from the model, e.g. optimizer.rate=1e-4");
  CLI::App* list = stream->add_subcommand("list", "List the streams");
  list->add_option("--model", arguments->model, "Only those of this model")->type_name("MODEL");
  list->callback([=] {
    context->action = [=](Client& client) { return List(*context, client, arguments->model); };
  });
  AddNamed(stream, context, {"show", "Show where a stream stands, with its digests"}, arguments,
           [=](Client& client) {
             return ShowStream(*context, client.GetStream(arguments->name, true));
           });
  AddNamed(stream, context, {"snapshot", "Take a snapshot now"}, arguments,
           [=](Client& client) { return TakeSnapshot(*context, client, arguments->name); });
  AddNamed(stream, context, {"snapshots", "List the snapshots"}, arguments,
           [=](Client& client) { return ShowSnapshots(*context, client, arguments->name); });
  AddNamed(stream, context, {"delete", "Remove a stream and everything stored of it"}, arguments,
           [=](Client& client) { return DeleteStream(*context, client, arguments->name); });
  AddStreamActions(stream, context);
  AddVariantCommands(stream, context);
  AddSafetyCommands(stream, context);
}

}  // namespace millrace::client
