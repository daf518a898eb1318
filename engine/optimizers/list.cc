#include "engine/optimizers/list.h"

#include "engine/check.h"
#include "engine/optimizers/adam.h"
#include "engine/optimizers/obgd.h"
#include "engine/optimizers/rmsprop.h"
#include "engine/optimizers/sgd.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeOptimizers() {
  return {DescribeAdam(), DescribeAdamW(), DescribeObgd(), DescribeRmsprop(), DescribeSgd()};
}

template <typename T>
std::unique_ptr<Optimizer<T>> MakeOptimizer(const PartSpec& part) {
  if (part.name == "adam" || part.name == "adamw") return std::make_unique<Adam<T>>(part);
  if (part.name == "obgd") return std::make_unique<Obgd<T>>(part);
  if (part.name == "rmsprop") return std::make_unique<Rmsprop<T>>(part);
  MILLRACE_CHECK(part.name == "sgd");
  return std::make_unique<Sgd<T>>(part);
}

template std::unique_ptr<Optimizer<float>> MakeOptimizer(const PartSpec&);
template std::unique_ptr<Optimizer<double>> MakeOptimizer(const PartSpec&);

}  // namespace millrace::engine
