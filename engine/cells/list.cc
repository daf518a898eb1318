#include "engine/cells/list.h"

#include "engine/cells/vanilla.h"
#include "engine/check.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeCells() { return {DescribeVanilla()}; }

std::string DefaultRule(absl::string_view cell) { return cell == "vanilla" ? "immediate" : ""; }

template <typename T>
std::unique_ptr<Cell<T>> MakeCell(const PartSpec& part, std::int64_t inputs) {
  MILLRACE_CHECK(part.name == "vanilla");
  return std::make_unique<VanillaCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeCell(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeCell(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
