#include "tests/reference/optimizer.h"

#include <cmath>

namespace millrace::reference {

Optimizer::Optimizer(const OptimizerSetup& setup, const Shape& shape)
    : setup_(setup),
      shape_(shape),
      first_(shape.Size()),
      second_(shape.Size()),
      power1_(shape.Size(), 1.0),
      power2_(shape.Size(), 1.0) {}

void Optimizer::Update(const Vector& gradient, const std::vector<bool>& active, Vector* weights) {
  for (int place = 0; place < shape_.Size(); ++place) {
    const double rate = setup_.rates[static_cast<std::size_t>(GroupOf(shape_, place))];
    if (!active[place] || rate == 0) continue;
    (*weights)[place] -= Change(place, gradient[place], rate, (*weights)[place]);
  }
}

double Optimizer::Change(int place, double gradient, double rate, double weight) {
  double& m = first_[place];
  double& v = second_[place];
  if (setup_.kind == OptimizerKind::kSgd) {
    m = setup_.momentum * m + gradient;
    return rate * m;
  }
  power1_[place] *= setup_.beta1;
  power2_[place] *= setup_.beta2;
  v = setup_.beta2 * v + (1 - setup_.beta2) * gradient * gradient;
  const double second = setup_.uncorrected ? v : v / (1 - power2_[place]);
  const double scale = setup_.epsilon_inside ? std::sqrt(second + setup_.epsilon)
                                             : std::sqrt(second) + setup_.epsilon;
  if (setup_.kind == OptimizerKind::kRmsprop) return rate * gradient / scale;
  m = setup_.beta1 * m + (1 - setup_.beta1) * gradient;
  double change = rate * (m / (1 - power1_[place])) / scale;
  if (setup_.kind == OptimizerKind::kAdamw) change += rate * setup_.weight_decay * weight;
  return change;
}

bool Clip(const Shape& shape, double limit, bool per_group, const std::vector<bool>& active,
          Vector* gradient) {
  if (limit <= 0) return false;
  std::array<double, kGroups> squares{};
  for (int place = 0; place < shape.Size(); ++place) {
    if (!active[place]) continue;
    const int group = per_group ? static_cast<int>(GroupOf(shape, place)) : 0;
    squares[group] += (*gradient)[place] * (*gradient)[place];
  }
  bool clipped = false;
  for (int place = 0; place < shape.Size(); ++place) {
    const int group = per_group ? static_cast<int>(GroupOf(shape, place)) : 0;
    const double norm = std::sqrt(squares[group]);
    if (norm <= limit) continue;
    (*gradient)[place] *= limit / norm;
    clipped = true;
  }
  return clipped;
}

}  // namespace millrace::reference
