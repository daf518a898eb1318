#include "client/cli/completion.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands.h"

namespace millrace::client {
namespace {

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// What stands for the value in the table, e.g. "STREAM", "FILE", "TEXT:{live,shadow}".
std::string Placeholder(const CLI::Option& option) {
  return option.get_positional() ? option.get_name(/*positional=*/true) : option.get_type_name();
}

// Where the words before the last have led.
class Place {
 public:
  explicit Place(const CLI::App& app) : command_(&app) {}

  void Pass(const std::string& word) {
    if (value_of_ != nullptr) {
      value_of_ = nullptr;
    } else if (absl::StartsWith(word, "--")) {
      const CLI::Option* option = Find(word);
      if (option != nullptr && TakesValue(*option)) value_of_ = option;
    } else if (const CLI::App* next = Subcommand(word)) {
      command_ = next;
      positionals_ = 0;
    } else {
      ++positionals_;
    }
  }

  const CLI::App& command() const { return *command_; }
  // The option whose value comes next, else the positional; null for none.
  const CLI::Option* value_of() const {
    if (value_of_ != nullptr) return value_of_;
    std::size_t place = 0;
    for (const CLI::Option* option : command_->get_options()) {
      if (!option->get_positional()) continue;
      if (place == positionals_ || option->get_items_expected_max() > 1) return option;
      ++place;
    }
    return nullptr;
  }
  bool in_option() const { return value_of_ != nullptr; }

 private:
  // An option of the subcommand, or of those above it.
  const CLI::Option* Find(const std::string& word) const {
    for (const CLI::App* app = command_; app != nullptr; app = app->get_parent()) {
      if (const CLI::Option* option = app->get_option_no_throw(word)) return option;
    }
    return nullptr;
  }
  const CLI::App* Subcommand(const std::string& word) const {
    for (const CLI::App* app : command_->get_subcommands([](const CLI::App*) { return true; })) {
      if (app->get_name() == word) return app;
    }
    return nullptr;
  }

  const CLI::App* command_;
  const CLI::Option* value_of_ = nullptr;
  std::size_t positionals_ = 0;
};

// What may stand where the table has this option's value.
std::vector<Candidate> ValuesOf(const CLI::Option& option, const NamesOf& names) {
  std::vector<Candidate> values;
  const std::string type = option.get_type_name();
  if (const std::size_t open = type.find('{'); open != std::string::npos) {
    const std::string choices = type.substr(open + 1, type.find('}') - open - 1);
    for (const auto choice : absl::StrSplit(choices, ',')) values.push_back({std::string(choice)});
    return values;
  }
  const std::string placeholder = Placeholder(option);
  if (absl::StrContains(placeholder, "FILE") || absl::StrContains(placeholder, ".npy")) {
    return {{kFilesWord}};
  }
  for (const std::string& name : names(placeholder)) values.push_back({name});
  return values;
}

std::vector<Candidate> OptionsAt(const CLI::App& command) {
  std::vector<Candidate> options;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_lnames().empty()) continue;
      if (app != &command && option == app->get_help_ptr()) continue;
      options.push_back({"--" + option->get_lnames().front(), option->get_description()});
    }
  }
  return options;
}

std::vector<std::string> NamesOnServer(const Globals& globals, const std::string& what) {
  std::vector<std::string> names;
  if (what != "STREAM" && what != "MODEL") return names;
  ConnectOptions options = OptionsOf(globals);
  options.deadline = absl::Milliseconds(500);
  const auto client = Client::Connect(options);
  if (!client.ok()) return names;
  if (what == "MODEL") {
    const auto models = (*client)->ListModels();
    if (!models.ok()) return names;
    for (const v1::Model& model : *models) names.push_back(model.name());
    return names;
  }
  const auto streams = (*client)->ListStreams();
  if (!streams.ok()) return names;
  for (const v1::Stream& stream : *streams) names.push_back(stream.id());
  return names;
}

}  // namespace

std::vector<Candidate> Complete(const CLI::App& app, const std::vector<std::string>& words,
                                const NamesOf& names) {
  Place place(app);
  for (std::size_t k = 0; k + 1 < words.size(); ++k) place.Pass(words[k]);
  const std::string last = words.empty() ? "" : words.back();
  std::vector<Candidate> candidates;
  if (!place.in_option() && absl::StartsWith(last, "-")) {
    candidates = OptionsAt(place.command());
  } else {
    if (!place.in_option()) {
      for (const CLI::App* sub :
           place.command().get_subcommands([](const CLI::App*) { return true; })) {
        candidates.push_back({sub->get_name(), sub->get_description()});
      }
    }
    if (const CLI::Option* option = place.value_of()) {
      for (Candidate& value : ValuesOf(*option, names)) candidates.push_back(std::move(value));
    }
  }
  std::vector<Candidate> fitting;
  for (Candidate& candidate : candidates) {
    if (candidate.word == kFilesWord || absl::StartsWith(candidate.word, last)) {
      fitting.push_back(std::move(candidate));
    }
  }
  return fitting;
}

void PrintCompletions(const CLI::App& app, const std::vector<std::string>& words,
                      std::ostream* out) {
  CLI::App globals_only;
  Context asked;
  AddGlobals(&globals_only, &asked);
  globals_only.allow_extras();
  const std::vector<std::string> before(words.begin(), words.end() - (words.empty() ? 0 : 1));
  try {
    globals_only.parse(std::vector<std::string>(before.rbegin(), before.rend()));
  } catch (const CLI::ParseError&) {
    // Half-written words say nothing of the server: the default one is asked.
  }
  const auto names = [&](const std::string& what) { return NamesOnServer(asked.globals, what); };
  for (const Candidate& candidate : Complete(app, words, names)) {
    *out << candidate.word;
    if (!candidate.sentence.empty()) *out << '\t' << candidate.sentence;
    *out << "\n";
  }
}

const char* CompletionScript(const std::string& shell) {
  if (shell == "zsh") {
    return R"(#compdef millrace
_millrace() {
  local -a lines words_before
  words_before=("${(@)words[2,CURRENT]}")
  lines=("${(@f)$(millrace __complete "${words_before[@]}" 2>/dev/null)}")
  if [[ "${lines[1]}" == ":files" ]]; then _files; return; fi
  local -a candidates
  local line
  for line in "${lines[@]}"; do
    [[ -n "$line" ]] && candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  _describe 'millrace' candidates
}
compdef _millrace millrace
)";
  }
  if (shell == "fish") {
    return R"(function __millrace_complete
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    for line in (millrace __complete $words 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c millrace -f -a '(__millrace_complete)'
)";
  }
  // Bash breaks words at ':' and '=', which addresses and settings hold: they are taken from the
  // line instead.
  return R"(_millrace() {
  local line typed="${COMP_LINE:0:COMP_POINT}" words
  read -ra words <<< "$typed"
  [[ "$typed" == *[[:space:]] ]] && words+=("")
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ "$line" == ":files" ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done \
        < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _millrace millrace
)";
}

void AddCompletionCommand(CLI::App* app, Context* context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand(
      "completion",
      "Print the shell's completion script, e.g. eval \"$(millrace completion bash)\"");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([=] {
    context->local_action = [=] {
      Json object = Json::Object();
      object.Set("shell", *shell).Set("script", CompletionScript(*shell));
      context->Show(object, [&](std::ostream& out) { out << CompletionScript(*shell); });
      return absl::OkStatus();
    };
  });
}

}  // namespace millrace::client
