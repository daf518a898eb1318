// A subcommand of "millrace stream" that is about one stream.
#ifndef MILLRACE_CLIENT_CLI_STREAM_VERB_H_
#define MILLRACE_CLIENT_CLI_STREAM_VERB_H_

#include <CLI/CLI.hpp>
#include <memory>

#include "client/cli/commands.h"

namespace millrace::client {

struct StreamVerb {
  const char* name;
  const char* sentence;
};

// Arguments has a member `stream`, which the option STREAM fills; action(Context&, Client&, const
// Arguments&) returns a status.
template <typename Arguments, typename Action>
CLI::App* AddStreamVerb(CLI::App* stream, Context* context,
                        const std::shared_ptr<Arguments>& arguments, const StreamVerb& verb,
                        Action action) {
  CLI::App* command = stream->add_subcommand(verb.name, verb.sentence);
  command->add_option("STREAM", arguments->stream, "Name of the stream")->required();
  command->callback([=] {
    context->action = [=](Client& client) { return action(*context, client, *arguments); };
  });
  return command;
}

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_STREAM_VERB_H_
