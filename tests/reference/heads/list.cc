#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/reference/heads/head.h"

namespace millrace::reference {

std::shared_ptr<const Head> MakeHead(const Part& part, const HeadShape& shape) {
  using Maker = std::shared_ptr<const Head> (*)(const Part& part, const HeadShape& shape);
  static const auto* const makers =
      new std::map<std::string, Maker>{{"linear", MakeLinear}, {"mlp", MakeMlp}};
  const auto maker = makers->find(part.name);
  if (maker == makers->end()) {
    std::fprintf(stderr,
                 "the reference has no head '%s'; write it in tests/reference/heads and name it in "
                 "its list\n",
                 part.name.c_str());
    std::abort();
  }
  return maker->second(part, shape);
}

}  // namespace millrace::reference
