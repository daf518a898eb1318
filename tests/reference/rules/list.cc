#include "tests/reference/rules/list.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

namespace millrace::reference {
namespace {

using Maker = std::unique_ptr<GradientRule> (*)(const Part& part, std::shared_ptr<const Cell> cell,
                                                const RuleDraws& draws);

const std::map<std::string, Maker>& Makers() {
  static const auto* const makers = new std::map<std::string, Maker>{
      {"frozen", MakeFrozen}, {"immediate", MakeImmediate}, {"kf_rtrl", MakeKfRtrl},
      {"rflo", MakeRflo},     {"rtrl", MakeRtrl},           {"snap1", MakeSnap1},
      {"tbptt", MakeTbptt},   {"uoro", MakeUoro},           {"sparse_rtrl", MakeSparseRtrl},
  };
  return *makers;
}

}  // namespace

std::unique_ptr<GradientRule> MakeRule(const Part& part, std::shared_ptr<const Cell> cell,
                                       const RuleDraws& draws) {
  const auto maker = Makers().find(part.name);
  if (maker == Makers().end()) {
    std::fprintf(stderr,
                 "the reference has no rule '%s'; write it in tests/reference/rules and name it in "
                 "its list\n",
                 part.name.c_str());
    std::abort();
  }
  return maker->second(part, std::move(cell), draws);
}

std::vector<std::string> RuleNames() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : Makers()) names.push_back(name);
  return names;
}

}  // namespace millrace::reference
