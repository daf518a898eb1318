// millrace stream open|list|show and what changes a stream
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/stream_verb.h"

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
  std::string stream, model;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> event;
  std::vector<std::string> settings;
};

absl::Status Open(const Context& context, Client& client, const Arguments& arguments) {
  const auto settings = ParseSettings(arguments.settings);
  if (!settings.ok()) return settings.status();
  const auto opened = client.OpenStream(
      arguments.stream, {.model = arguments.model, .seed = arguments.seed, .overrides = *settings});
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

absl::Status ShowSnapshots(const Context& context, Client& client, const Arguments& arguments) {
  const auto snapshots = client.ListSnapshots(arguments.stream);
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

absl::Status TakeSnapshot(const Context& context, Client& client, const Arguments& arguments) {
  const auto snapshot = client.SnapshotStream(arguments.stream);
  if (!snapshot.ok()) return snapshot.status();
  context.Show(Json::Of(*snapshot), [&](std::ostream& out) {
    out << absl::StreamFormat("snapshot of %s at event %d (step %d), %d bytes\n", arguments.stream,
                              snapshot->event(), snapshot->applied_seq(), snapshot->bytes());
  });
  return absl::OkStatus();
}

absl::Status DeleteStream(const Context& context, Client& client, const Arguments& arguments) {
  if (absl::Status status = client.DeleteStream(arguments.stream); !status.ok()) return status;
  Json done = Json::Object();
  done.Set("deleted", arguments.stream);
  context.Show(done,
               [&](std::ostream& out) { out << "deleted stream " << arguments.stream << "\n"; });
  return absl::OkStatus();
}

// Those that take a name alone and show the stream as it is afterwards.
void AddPlainVerbs(CLI::App* stream, Context* context,
                   const std::shared_ptr<Arguments>& arguments) {
  struct Plain {
    StreamVerb verb;
    absl::StatusOr<v1::Stream> (Client::*method)(const std::string&);
  };
  static constexpr Plain kPlain[] = {
      {{"freeze", "Stop learning; prediction and statistics go on"}, &Client::FreezeStream},
      {{"unfreeze", "Learn again; also returns a guarded stream to its live weights"},
       &Client::UnfreezeStream},
      {{"reset", "Zero hidden state and sensitivities; weights stay"}, &Client::ResetStream},
      {{"settle", "Let the learner run through every closed step"}, &Client::SettleStream},
      {{"shadow", "Copy the live weights as the frozen shadow"}, &Client::TakeShadow},
      {{"restore", "Bring weights back from the last good copy"}, &Client::RestoreStream},
      {{"close", "Snapshot, leave memory, refuse events until opened again"}, &Client::CloseStream},
      {{"accept-loss", "Take note that acknowledged steps are lost; events are accepted again"},
       &Client::AcceptLoss},
  };
  for (const Plain& plain : kPlain) {
    AddStreamVerb(
        stream, context, arguments, plain.verb,
        [method = plain.method](const Context& shown, Client& client, const Arguments& given) {
          return ShowStream(shown, (client.*method)(given.stream));
        });
  }
}

absl::Status Set(const Context& context, Client& client, const Arguments& arguments) {
  const auto settings = ParseSettings(arguments.settings);
  if (!settings.ok()) return settings.status();
  return ShowStream(context, client.SetStream(arguments.stream, *settings));
}

absl::Status Rollback(const Context& context, Client& client, const Arguments& arguments) {
  return ShowStream(context, client.RollbackStream(arguments.stream, arguments.event));
}

absl::Status Show(const Context& context, Client& client, const Arguments& arguments) {
  return ShowStream(context, client.GetStream(arguments.stream, true));
}

}  // namespace

void AddStreamCommands(CLI::App* app, Context* context) {
  CLI::App* stream = app->add_subcommand("stream", "Open, list, show and change streams");
  stream->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* verb, const char* sentence, auto action) {
    return AddStreamVerb(stream, context, arguments, {verb, sentence}, action);
  };
  CLI::App* open = add("open", "Create a stream, or open a closed one", &Open);
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
  add("show", "Show where a stream stands, with its digests", &Show);
  add("snapshot", "Take a snapshot now", &TakeSnapshot);
  add("snapshots", "List the snapshots", &ShowSnapshots);
  add("delete", "Remove a stream and everything stored of it", &DeleteStream);
  AddPlainVerbs(stream, context, arguments);
  add("set", "Change rates, decays and clips at once", &Set)
      ->add_option("SETTING", arguments->settings, "PART.NAME=VALUE, e.g. optimizer.rate=1e-4")
      ->required();
  add("rollback", "Go back to a snapshot: numbering rewinds, the epoch rises", &Rollback)
      ->add_option("--event", arguments->event, "Event of the snapshot; default the newest");
  AddVariantCommands(stream, context);
  AddSafetyCommands(stream, context);
}

}  // namespace millrace::client
