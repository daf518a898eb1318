#include "tests/reference/cells/list.h"

#include <cstdio>
#include <cstdlib>
#include <map>

namespace millrace::reference {
namespace {

using Maker = std::shared_ptr<const Cell> (*)(const Part& part, int inputs);

const std::map<std::string, Maker>& Makers() {
  static const auto* const makers = new std::map<std::string, Maker>{
      {"block_gru", MakeBlockGru}, {"ctrnn", MakeCtrnn},     {"elstm", MakeElstm},
      {"glru", MakeGlru},          {"gru", MakeGru},         {"lru", MakeLru},
      {"lstm", MakeLstm},          {"min_gru", MakeMinGru},  {"retnet", MakeRetnet},
      {"rg_lru", MakeRgLru},       {"rwkv", MakeRwkv},       {"s4d", MakeS4d},
      {"slstm", MakeSlstm},        {"vanilla", MakeVanilla},
  };
  return *makers;
}

}  // namespace

std::shared_ptr<const Cell> MakeCell(const Part& part, int inputs) {
  const auto maker = Makers().find(part.name);
  if (maker == Makers().end()) {
    std::fprintf(stderr,
                 "the reference has no cell '%s'; write it in tests/reference/cells and name it in "
                 "its list\n",
                 part.name.c_str());
    std::abort();
  }
  return maker->second(part, inputs);
}

std::vector<std::string> CellNames() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : Makers()) names.push_back(name);
  return names;
}

}  // namespace millrace::reference
