// A part of a specification as the reference reads it: a name and settings by name. What is not set
// has the default that its reader states. Flags are numbers, 0 or 1. Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_PART_H_
#define MILLRACE_TESTS_REFERENCE_PART_H_

#include <map>
#include <string>

namespace millrace::reference {

struct Part {
  std::string name;
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> texts;

  double Number(const std::string& setting, double otherwise) const {
    const auto found = numbers.find(setting);
    return found == numbers.end() ? otherwise : found->second;
  }
  int Integer(const std::string& setting, int otherwise) const {
    return static_cast<int>(Number(setting, otherwise));
  }
  bool Flag(const std::string& setting, bool otherwise) const {
    return Number(setting, otherwise ? 1 : 0) != 0;
  }
  std::string Text(const std::string& setting, const std::string& otherwise) const {
    const auto found = texts.find(setting);
    return found == texts.end() ? otherwise : found->second;
  }
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_PART_H_
