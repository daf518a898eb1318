#include "engine/heads/list.h"

#include "engine/check.h"
#include "engine/heads/linear.h"
#include "engine/heads/mlp.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeHeads() { return {DescribeLinear(), DescribeMlp()}; }

template <typename T>
std::unique_ptr<Head<T>> MakeHead(const PartSpec& part, const HeadShape& shape) {
  if (part.name == "mlp") return std::make_unique<MlpHead<T>>(part, shape);
  MILLRACE_CHECK(part.name == "linear");
  return std::make_unique<LinearHead<T>>(part, shape);
}

template std::unique_ptr<Head<float>> MakeHead(const PartSpec&, const HeadShape&);
template std::unique_ptr<Head<double>> MakeHead(const PartSpec&, const HeadShape&);

}  // namespace millrace::engine
