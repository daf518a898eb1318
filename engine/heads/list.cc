#include "engine/heads/list.h"

#include "engine/check.h"
#include "engine/heads/linear.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeHeads() { return {DescribeLinear()}; }

template <typename T>
std::unique_ptr<Head<T>> MakeHead(const PartSpec& part, std::int64_t units) {
  MILLRACE_CHECK(part.name == "linear");
  return std::make_unique<LinearHead<T>>(part, units);
}

template std::unique_ptr<Head<float>> MakeHead(const PartSpec&, std::int64_t);
template std::unique_ptr<Head<double>> MakeHead(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
