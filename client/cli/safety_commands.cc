// millrace stream serve|guard|promote: what of a stream is sent, and when that changes.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/stream_verb.h"

namespace millrace::client {
namespace {

struct Arguments {
  std::string stream, serve, variant;
  std::optional<double> margin;
  std::optional<std::uint64_t> units;
  bool take_shadow = false, force = false;
};

v1::Setting Text(const std::string& name, const std::string& value) {
  v1::Setting setting;
  setting.set_name(name);
  setting.set_text(value);
  return setting;
}

// What is sent now, in a sentence.
std::string Sentence(const v1::StreamStats& stats) {
  if (stats.guard_tripped()) {
    return "the guard went over to the shadow; learning is frozen until millrace stream unfreeze";
  }
  if (stats.guarded()) return "live predictions are sent while the guard finds them good enough";
  return stats.serving() == "shadow" ? "the shadow's predictions are sent; the learner goes on"
                                     : "live predictions are sent";
}

absl::Status ShowServing(const Context& context, Client& client, const std::string& stream) {
  const auto stats = client.GetStats(stream);
  if (!stats.ok()) return stats.status();
  Json object = Json::Object();
  object.Set("stream", stream)
      .Set("serving", stats->serving())
      .Set("guarded", stats->guarded())
      .Set("guard_tripped", stats->guard_tripped())
      .Set("frozen", stats->frozen());
  if (stats->has_shadow_seq()) object.Set("shadow_seq", stats->shadow_seq());
  if (stats->has_live_loss()) object.Set("live_loss", stats->live_loss());
  if (stats->has_shadow_loss()) object.Set("shadow_loss", stats->shadow_loss());
  context.Show(object, [&](std::ostream& out) {
    out << "stream " << stream << ": " << Sentence(*stats) << "\n";
  });
  return absl::OkStatus();
}

absl::Status Serve(const Context& context, Client& client, const Arguments& arguments) {
  if (!arguments.serve.empty()) {
    const auto set = client.SetStream(arguments.stream, {Text("monitor.serve", arguments.serve)});
    if (!set.ok()) return set.status();
  }
  return ShowServing(context, client, arguments.stream);
}

absl::Status Guard(const Context& context, Client& client, const Arguments& arguments) {
  if (arguments.take_shadow) {
    if (const auto taken = client.TakeShadow(arguments.stream); !taken.ok()) return taken.status();
  }
  std::vector<v1::Setting> settings = {Text("monitor.serve", "guarded")};
  if (arguments.margin) {
    settings.emplace_back().set_name("monitor.guard_margin");
    settings.back().set_number(*arguments.margin);
  }
  if (arguments.units) {
    settings.emplace_back().set_name("monitor.guard_units");
    settings.back().set_integer(static_cast<std::int64_t>(*arguments.units));
  }
  const auto set = client.SetStream(arguments.stream, settings);
  if (!set.ok()) return set.status();
  return ShowServing(context, client, arguments.stream);
}

// Not OK where the learner has not shown that it is better than what it would replace.
absl::Status Deserves(const v1::StreamStats& stats) {
  if (stats.guard_tripped()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the guard of stream '", stats.stream(),
        "' went over to the shadow; its live weights would replace what is trusted. Unfreeze the "
        "stream and watch it recover, or restore it; promote anyway with --force"));
  }
  if (stats.has_gain() && stats.gain() < 0) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the live loss of stream '%s' is above its shadow's (gain %.4g); expected a gain of 0 or "
        "more; wait, or promote anyway with --force",
        stats.stream(), stats.gain()));
  }
  return absl::OkStatus();
}

absl::Status Promote(const Context& context, Client& client, const Arguments& arguments) {
  if (!arguments.variant.empty()) {
    return PromoteVariant(context, client, arguments.stream, arguments.variant, arguments.force);
  }
  const auto stats = client.GetStats(arguments.stream);
  if (!stats.ok()) return stats.status();
  if (!arguments.force) {
    if (absl::Status status = Deserves(*stats); !status.ok()) return status;
  }
  if (const auto taken = client.TakeShadow(arguments.stream); !taken.ok()) return taken.status();
  return ShowServing(context, client, arguments.stream);
}

}  // namespace

void AddSafetyCommands(CLI::App* stream, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* verb, const char* sentence, auto action) {
    return AddStreamVerb(stream, context, arguments, {verb, sentence}, action);
  };
  CLI::App* serve =
      add("serve", "Choose whose predictions are sent; without a choice, say it", &Serve);
  serve->add_option("WHAT", arguments->serve, "live, shadow or guarded")
      ->check(CLI::IsMember({"live", "shadow", "guarded"}));
  CLI::App* guard =
      add("guard", "Send live predictions, and the shadow's as soon as a block of units was worse",
          &Guard);
  guard->add_option("--margin", arguments->margin,
                    "How far a block's live loss may be above the shadow's, relatively");
  guard->add_option("--units", arguments->units,
                    "Units of a block; the change comes within two blocks");
  guard->add_flag("--take_shadow", arguments->take_shadow,
                  "Take the shadow first: trust the weights of now");
  CLI::App* promote =
      add("promote",
          "Trust what was learned: the live weights become the shadow; or, with VARIANT, put that "
          "variant's state in the stream's place",
          &Promote);
  promote->add_option("VARIANT", arguments->variant,
                      "A variant's stream, or its name after the dot");
  promote->add_flag("--force", arguments->force, "Even where the learner is the worse of the two");
}

}  // namespace millrace::client
