#include "engine/rules/list.h"

#include "engine/check.h"
#include "engine/rules/frozen.h"
#include "engine/rules/immediate.h"
#include "engine/rules/rflo.h"
#include "engine/rules/snap1.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeRules() {
  return {DescribeFrozen(), DescribeImmediate(), DescribeRflo(), DescribeSnap1()};
}

absl::Status CheckRule(absl::string_view, absl::string_view) {
  return absl::OkStatus();  // every rule listed so far applies to every unit-local cell
}

template <typename T>
std::unique_ptr<Rule<T>> MakeRule(const PartSpec& part) {
  if (part.name == "frozen") return std::make_unique<FrozenRule<T>>();
  if (part.name == "immediate") return std::make_unique<ImmediateRule<T>>(part);
  if (part.name == "rflo") return std::make_unique<RfloRule<T>>(part);
  MILLRACE_CHECK(part.name == "snap1");
  return std::make_unique<Snap1Rule<T>>();
}

template std::unique_ptr<Rule<float>> MakeRule(const PartSpec&);
template std::unique_ptr<Rule<double>> MakeRule(const PartSpec&);

}  // namespace millrace::engine
