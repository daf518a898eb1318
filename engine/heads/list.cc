#include "engine/heads/list.h"

#include "engine/check.h"
#include "engine/heads/linear.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeHeads() { return {DescribeLinear()}; }

template <typename T>
std::unique_ptr<Head<T>> MakeHead(const PartSpec& part, const HeadShape& shape) {
  MILLRACE_CHECK(part.name == "linear");
  return std::make_unique<LinearHead<T>>(part, shape);
}

template std::unique_ptr<Head<float>> MakeHead(const PartSpec&, const HeadShape&);
template std::unique_ptr<Head<double>> MakeHead(const PartSpec&, const HeadShape&);

}  // namespace millrace::engine
