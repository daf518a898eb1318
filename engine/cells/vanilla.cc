#include "engine/cells/vanilla.h"

#include <algorithm>

#include "engine/random.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {

PartDescription DescribeVanilla() {
  return {"cell",
          "vanilla",
          "Leaky tanh rate units, h = (1 - leak) h' + leak tanh(W h' + U x + b).",
          {{.name = "units",
            .type = SettingType::kInteger,
            .unit = "",
            .minimum = 1,
            .maximum = 16384,
            .sentence = "Hidden units, n."},
           {.name = "leak",
            .minimum = 1e-6,
            .maximum = 1,
            .default_value = 1.0,
            .sentence = "dt/tau of every unit; 1 is the plain Elman network."},
           {.name = "recurrent_gain",
            .minimum = 0,
            .maximum = 100,
            .default_value = 1.0,
            .sentence = "W starts normal with standard deviation gain / sqrt(n)."},
           {.name = "input_gain",
            .minimum = 0,
            .maximum = 1000,
            .default_value = 1.0,
            .sentence = "U starts normal with standard deviation gain / sqrt(inputs)."}}};
}

template <typename T>
VanillaCell<T>::VanillaCell(const PartSpec& part, std::int64_t inputs)
    : n_(part.Integer("units")),
      d_(inputs),
      leak_(static_cast<T>(part.Number("leak"))),
      recurrent_gain_(part.Number("recurrent_gain")),
      input_gain_(part.Number("input_gain")),
      carry_(static_cast<std::size_t>(n_), T{1} - leak_) {}

template <typename T>
void VanillaCell<T>::Initialize(std::uint64_t seed, T* theta) const {
  Random recurrent(seed, 0), input(seed, 1);
  recurrent.FillNormal(recurrent_gain_ / kernels::Sqrt(static_cast<double>(n_)), n_ * n_, theta);
  input.FillNormal(input_gain_ / kernels::Sqrt(static_cast<double>(d_)), d_ * n_, theta + n_ * n_);
  std::fill_n(theta + (n_ + d_) * n_, n_, T{0});
}

template <typename T>
void VanillaCell<T>::Forward(const T* theta, const CellInput<T>& input, const T* h_prev,
                             CellStep<T>* step) const {
  T* const x = step->hhat.data() + n_;
  std::copy_n(h_prev, n_, step->hhat.data());
  if (step->one_hot && step->input.byte != kNoByte) x[step->input.byte] = T{0};
  step->input = input;
  step->one_hot = input.dense == nullptr;
  x[d_] = T{1};

  T* const a = step->preactivation.data();
  kernels::MatVec(theta, step->hhat.data(), n_, n_, a);
  const T* const input_t = theta + n_ * n_;
  if (!step->one_hot) {
    std::copy_n(input.dense, d_, x);
    kernels::AddMatVec(input_t, x, d_, n_, a);
  } else if (input.byte != kNoByte) {
    x[input.byte] = T{1};
    kernels::AddScaled(input_t + input.byte * n_, T{1}, n_, a);
  }
  kernels::AddScaled(input_t + d_ * n_, T{1}, n_, a);
  kernels::LeakyTanh(a, h_prev, leak_, n_, step->h.data(), step->slope.data());
}

template class VanillaCell<float>;
template class VanillaCell<double>;

}  // namespace millrace::engine
