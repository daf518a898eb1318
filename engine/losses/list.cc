#include "engine/losses/list.h"

#include "engine/check.h"
#include "engine/losses/cross_entropy.h"
#include "engine/losses/mean_squared_error.h"

namespace millrace::engine {

std::vector<PartDescription> DescribeLosses() {
  return {DescribeCrossEntropy(), DescribeMeanSquaredError()};
}

template <typename T>
std::unique_ptr<Loss<T>> MakeLoss(const PartSpec& part) {
  if (part.name == "cross_entropy") return std::make_unique<CrossEntropy<T>>();
  MILLRACE_CHECK(part.name == "mean_squared_error");
  return std::make_unique<MeanSquaredError<T>>();
}

template std::unique_ptr<Loss<float>> MakeLoss(const PartSpec&);
template std::unique_ptr<Loss<double>> MakeLoss(const PartSpec&);

}  // namespace millrace::engine
