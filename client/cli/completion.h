// Completion of the command line in bash, zsh and fish.
//
// The shells' scripts know nothing: they hand the words to `millrace __complete`, which walks the
// same table of subcommands and options that parses them, and prints one candidate a line, a tab
// and its sentence. Names of streams and models are asked of the server, for half a second.
// Thread-safe: pure functions, but for that question.
#ifndef MILLRACE_CLIENT_CLI_COMPLETION_H_
#define MILLRACE_CLIENT_CLI_COMPLETION_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace millrace::client {

inline constexpr char kCompleteWord[] = "__complete";
// The one candidate where a file is wanted: the shell completes it.
inline constexpr char kFilesWord[] = ":files";

struct Candidate {
  std::string word = {};
  std::string sentence = {};
};

// The names that go where the table says "STREAM" or "MODEL".
using NamesOf = std::function<std::vector<std::string>(const std::string& what)>;

// `words` after "millrace"; the last one is being written and may be empty.
std::vector<Candidate> Complete(const CLI::App& app, const std::vector<std::string>& words,
                                const NamesOf& names);

// What `millrace __complete WORD...` prints.
void PrintCompletions(const CLI::App& app, const std::vector<std::string>& words,
                      std::ostream* out);

// The script for "bash", "zsh" or "fish".
const char* CompletionScript(const std::string& shell);

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_COMPLETION_H_
