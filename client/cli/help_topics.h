// What `millrace help TOPIC` teaches.
//
// Every line that begins with "  $ " is a command that works (lines below it that are indented by
// six go on with it), from the root of the sources, after those of the topics before it: a test
// runs them all in order.
// Thread-safe: constants.
#ifndef MILLRACE_CLIENT_CLI_HELP_TOPICS_H_
#define MILLRACE_CLIENT_CLI_HELP_TOPICS_H_

#include <string>
#include <vector>

namespace millrace::client {

struct HelpTopic {
  std::string name;
  std::string sentence;
  std::string text;
};

// In the order in which they are best read.
const std::vector<HelpTopic>& HelpTopics();

}  // namespace millrace::client

#endif  // MILLRACE_CLIENT_CLI_HELP_TOPICS_H_
