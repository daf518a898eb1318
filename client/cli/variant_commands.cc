// millrace stream fork|variants|promote: copies of a stream, and those that compete with it.
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/spec_file.h"
#include "client/cli/stream_verb.h"

namespace millrace::client {
namespace {

struct Arguments {
  std::string stream, copy, variants_file, variant;
  std::vector<std::string> settings;
  bool force = false;
};

absl::Status ForkVariants(const Context& context, Client& client, const Arguments& arguments) {
  const auto set = ReadVariants(arguments.variants_file);
  if (!set.ok()) return set.status();
  Json made = Json::Array();
  for (const v1::VariantSet::NamedVariant& variant : set->variants()) {
    const std::string id = absl::StrCat(arguments.stream, ".", variant.name());
    const auto stream = client.ForkStream(
        arguments.stream, id,
        {.settings = {variant.settings().begin(), variant.settings().end()}, .follow = true});
    if (!stream.ok()) return stream.status();
    made.Add(Json::Of(*stream));
    if (context.json) continue;
    *context.io.out << absl::StreamFormat("variant %s follows %s from step %d\n", id,
                                          arguments.stream, stream->applied_seq() + 1);
  }
  context.Show(made, [](std::ostream&) {});
  return absl::OkStatus();
}

absl::Status Fork(const Context& context, Client& client, const Arguments& arguments) {
  if (arguments.copy.empty() == arguments.variants_file.empty()) {
    return absl::InvalidArgumentError(
        "fork got neither or both of NEW and --variants; expected one of them: a copy that goes "
        "its "
        "own way, or copies that learn on the stream's input");
  }
  if (!arguments.variants_file.empty()) return ForkVariants(context, client, arguments);
  const auto settings = ParseSettings(arguments.settings);
  if (!settings.ok()) return settings.status();
  const auto stream = client.ForkStream(arguments.stream, arguments.copy, {.settings = *settings});
  if (!stream.ok()) return stream.status();
  context.Show(Json::Of(*stream), [&](std::ostream& out) {
    out << absl::StreamFormat("forked %s into %s at step %d\n", arguments.stream, stream->id(),
                              stream->applied_seq());
  });
  return absl::OkStatus();
}

std::string Figure(bool present, double value) {
  return present ? absl::StrFormat("%.5g", value) : "-";
}

std::vector<std::string> RowOf(const v1::Variant& variant) {
  std::string settings;
  for (const v1::Setting& setting : variant.overrides()) {
    absl::StrAppend(&settings, settings.empty() ? "" : " ", setting.name(), "=",
                    SettingText(setting));
  }
  const bool known = variant.has_difference();
  return {variant.stream(),
          absl::StrCat(variant.units()),
          Figure(variant.has_mean_loss(), variant.mean_loss()),
          Figure(variant.has_stream_mean_loss(), variant.stream_mean_loss()),
          Figure(known, variant.difference()),
          known
              ? absl::StrFormat("%.5g to %.5g", variant.difference_low(), variant.difference_high())
              : "-",
          variant.following() ? settings : "does not follow: " + settings};
}

absl::Status ListVariants(const Context& context, Client& client, const Arguments& arguments) {
  const auto variants = client.ListVariants(arguments.stream);
  if (!variants.ok()) return variants.status();
  Json array = Json::Array();
  std::vector<std::vector<std::string>> rows = {
      {"VARIANT", "UNITS", "LOSS", "STREAM", "DIFFERENCE", "95 % INTERVAL", "SETTINGS"}};
  for (const v1::Variant& variant : *variants) {
    array.Add(Json::Of(variant));
    rows.push_back(RowOf(variant));
  }
  context.Show(array, [&](std::ostream& out) { PrintTable(out, rows); });
  return absl::OkStatus();
}

// Not OK where the variant has not shown that it is better than the stream.
absl::Status Deserves(Client& client, const Arguments& arguments) {
  const auto variants = client.ListVariants(arguments.stream);
  if (!variants.ok()) return variants.status();
  for (const v1::Variant& variant : *variants) {
    if (variant.stream() != arguments.variant || !variant.has_mean_loss()) continue;
    if (variant.mean_loss() <= variant.stream_mean_loss()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrFormat(
        "variant '%s' has a mean loss of %.5g where stream '%s' has %.5g; expected no more; wait, "
        "or promote anyway with --force",
        variant.stream(), variant.mean_loss(), arguments.stream, variant.stream_mean_loss()));
  }
  return absl::OkStatus();
}

// A bare name is short for the stream's own variant of that name.
std::string FullName(const Arguments& arguments) {
  const bool bare = arguments.variant.find('.') == std::string::npos;
  return bare ? absl::StrCat(arguments.stream, ".", arguments.variant) : arguments.variant;
}

}  // namespace

absl::Status PromoteVariant(const Context& context, Client& client, const std::string& stream,
                            const std::string& variant, bool force) {
  Arguments arguments;
  arguments.stream = stream;
  arguments.variant = variant;
  arguments.variant = FullName(arguments);
  if (!force) {
    if (absl::Status status = Deserves(client, arguments); !status.ok()) return status;
  }
  const auto promoted = client.PromoteVariant(stream, arguments.variant);
  if (!promoted.ok()) return promoted.status();
  context.Show(Json::Of(*promoted), [&](std::ostream& out) {
    out << absl::StreamFormat("stream %s has the state of %s from step %d on (event %d)\n", stream,
                              arguments.variant, promoted->applied_seq() + 1, promoted->event());
  });
  return absl::OkStatus();
}

void AddVariantCommands(CLI::App* stream, Context* context) {
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* verb, const char* sentence, auto action) {
    return AddStreamVerb(stream, context, arguments, {verb, sentence}, action);
  };
  CLI::App* fork = add("fork",
                       "Copy the complete state into a new stream, or into variants that learn on "
                       "this one's input",
                       &Fork);
  fork->add_option("NEW", arguments->copy, "Name of the copy");
  fork->add_option("--set", arguments->settings, "PART.NAME=VALUE in which the copy differs");
  fork->add_option("--variants", arguments->variants_file,
                   "Variants: a name and settings each; their streams are STREAM.NAME")
      ->type_name("FILE.textproto");
  add("variants", "Rank the variants of a stream by served loss, with intervals", &ListVariants);
}

}  // namespace millrace::client
