#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/reference/heads/head.h"

namespace millrace::reference {

namespace {

using Maker = std::shared_ptr<const Head> (*)(const Part& part, const HeadShape& shape);

const std::map<std::string, Maker>& Makers() {
  static const auto* const makers =
      new std::map<std::string, Maker>{{"gaussian", MakeGaussian},
                                       {"least_squares", MakeLeastSquares},
                                       {"linear", MakeLinear},
                                       {"mlp", MakeMlp}};
  return *makers;
}

}  // namespace

std::vector<std::string> HeadNames() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : Makers()) names.push_back(name);
  return names;
}

std::shared_ptr<const Head> MakeHead(const Part& part, const HeadShape& shape) {
  const auto maker = Makers().find(part.name);
  if (maker == Makers().end()) {
    std::fprintf(stderr,
                 "the reference has no head '%s'; write it in tests/reference/heads and name it in "
                 "its list\n",
                 part.name.c_str());
    std::abort();
  }
  return maker->second(part, shape);
}

}  // namespace millrace::reference
