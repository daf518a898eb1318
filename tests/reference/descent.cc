#include "tests/reference/descent.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace millrace::reference {

Descent::Descent(const Part& part, const Layout& layout) : part_(part), layout_(layout) {
  const auto p = static_cast<std::size_t>(layout.Size());
  first_.assign(p, 0);
  second_.assign(p, 0);
  power1_.assign(p, 1);
  power2_.assign(p, 1);
}

double Descent::Rate(const std::string& group) const {
  const double own = part_.Number("rate_" + group, -1);
  return own < 0 ? part_.Number("rate", 1e-3) : own;
}

double Descent::Bound(const Vector& gradient, const std::vector<bool>& active,
                      const Vector& dz) const {
  double e = 0;
  for (const double value : dz) e += std::abs(value);
  if (e == 0) return 0;
  double size = 0;
  for (std::size_t place = 0; place < gradient.size(); ++place) {
    if (active[place]) size += std::abs(gradient[place]);
  }
  double rate = 0;
  for (const Block& block : layout_.blocks()) rate = std::max(rate, Rate(block.group));
  return 1 / std::max(1.0, rate * part_.Number("kappa", 2) * std::max(1.0, e) * size / e);
}

void Descent::Update(const Vector& gradient, const std::vector<bool>& active, const Vector& dz,
                     Vector* weights) {
  const double bound = part_.name == "obgd" ? Bound(gradient, active, dz) : 1;
  for (const Block& block : layout_.blocks()) {
    const double rate = bound * Rate(block.group);
    for (int place = block.offset; rate > 0 && place < block.offset + block.Size(); ++place) {
      const auto at = static_cast<std::size_t>(place);
      if (active[at]) (*weights)[at] -= Change(place, gradient[at], rate, (*weights)[at]);
    }
  }
}

double Descent::Divisor(double second, double correction) const {
  const double epsilon = part_.Number("epsilon", 1e-8);
  if (part_.Flag("epsilon_inside", false)) return std::sqrt(second / correction + epsilon);
  if (part_.Flag("epsilon_uncorrected", false)) {
    return (std::sqrt(second) + epsilon) / std::sqrt(correction);
  }
  return std::sqrt(second / correction) + epsilon;
}

double Descent::Change(int place, double gradient, double rate, double weight) {
  const std::string& name = part_.name;
  double& m = first_[place];
  double& v = second_[place];
  if (name == "obgd") return rate * gradient;
  if (name == "sgd") {
    m = part_.Number("momentum", 0) * m + gradient;
    return rate * m;
  }
  const bool adam = name == "adam" || name == "adamw";
  if (!adam && name != "rmsprop") {
    std::fprintf(stderr, "the reference has no optimizer '%s'; write it in descent.cc\n",
                 name.c_str());
    std::abort();
  }
  const double beta1 = part_.Number("beta1", 0.9);
  const double beta2 = part_.Number("beta2", adam ? 0.999 : 0.99);
  double& power1 = power1_[place];
  double& power2 = power2_[place];
  power1 *= beta1;
  power2 *= beta2;
  v = beta2 * v + (1 - beta2) * gradient * gradient;
  m = beta1 * m + (1 - beta1) * gradient;
  const std::string moments = adam ? part_.Text("moments", "both") : "second";
  const double above = moments == "second" ? gradient : m / (1 - power1);
  const double below =
      moments == "first" ? 1 : Divisor(v, part_.Flag("uncorrected", false) ? 1 : 1 - power2);
  double change = rate * above / below;
  if (name == "adamw") change += rate * part_.Number("weight_decay", 0) * weight;
  return change;
}

bool ClipGradient(const Layout& layout, double limit, bool per_group,
                  const std::vector<bool>& active, Vector* gradient) {
  if (limit <= 0) return false;
  const auto key = [&](std::size_t place) {
    return per_group ? layout.GroupOf(static_cast<int>(place)) : std::string();
  };
  std::map<std::string, double> squares;
  for (std::size_t place = 0; place < gradient->size(); ++place) {
    if (active[place]) squares[key(place)] += (*gradient)[place] * (*gradient)[place];
  }
  bool clipped = false;
  for (std::size_t place = 0; place < gradient->size(); ++place) {
    const double norm = std::sqrt(squares[key(place)]);
    if (norm <= limit) continue;
    (*gradient)[place] *= limit / norm;
    clipped = true;
  }
  return clipped;
}

std::vector<std::string> OptimizerNames() { return {"sgd", "rmsprop", "adam", "adamw", "obgd"}; }

}  // namespace millrace::reference
