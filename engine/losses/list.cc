#include "engine/losses/list.h"

#include "engine/check.h"
#include "engine/losses/binary_cross_entropy.h"
#include "engine/losses/cross_entropy.h"
#include "engine/losses/mean_squared_error.h"
#include "engine/losses/poisson.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeLosses() {
  return {DescribeBinaryCrossEntropy(), DescribeCrossEntropy(), DescribeMeanSquaredError(),
          DescribePoisson()};
}

template <typename T>
std::unique_ptr<Loss<T>> MakeLoss(const PartSpec& part) {
  if (part.name == "binary_cross_entropy") return std::make_unique<BinaryCrossEntropy<T>>();
  if (part.name == "poisson") return std::make_unique<Poisson<T>>();
  if (part.name == "cross_entropy") return std::make_unique<CrossEntropy<T>>();
  MILLRACE_CHECK(part.name == "mean_squared_error");
  return std::make_unique<MeanSquaredError<T>>();
}

template std::unique_ptr<Loss<float>> MakeLoss(const PartSpec&);
template std::unique_ptr<Loss<double>> MakeLoss(const PartSpec&);

}  // namespace millrace::engine
