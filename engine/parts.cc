// Gathers the lists: the one place that knows every kind of part.
#include <utility>

#include "engine/cells/list.h"
#include "engine/guard.h"
#include "engine/heads/list.h"
#include "engine/input.h"
#include "engine/losses/list.h"
#include "engine/monitor.h"
#include "engine/optimizers/list.h"
#include "engine/rules/list.h"
#include "engine/spec.h"
#include "engine/target.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeParts(absl::string_view kind) {
  using Describe = std::vector<PartDescription> (*)();
  constexpr std::pair<absl::string_view, Describe> kLists[] = {
      {"input", DescribeInputs},   {"cell", DescribeCells},   {"head", DescribeHeads},
      {"loss", DescribeLosses},    {"rule", DescribeRules},   {"optimizer", DescribeOptimizers},
      {"target", DescribeTargets}, {"guard", DescribeGuards}, {"monitor", DescribeMonitors}};
  std::vector<PartDescription> parts;
  for (const auto& [name, describe] : kLists) {
    if (!kind.empty() && kind != name) continue;
    for (PartDescription& part : describe()) {
      part.kind = std::string(name);
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

}  // namespace millrace::engine
