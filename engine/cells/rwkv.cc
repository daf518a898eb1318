#include "engine/cells/rwkv.h"

#include <algorithm>

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/rwkv.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"

namespace millrace::engine {
namespace {

constexpr int kDecay = 3;
constexpr int kBonus = 4;
constexpr int kOutput = 2;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .first_output = kOutput,
          .gates = {{.name = "key", .input = true},
                    {.name = "value", .input = true},
                    {.name = "receptance", .input = true},
                    {.name = "decay", .own = true},
                    {.name = "bonus", .own = true}}};
}

template <typename T>
class RwkvCell final : public GateCell<T, kernels::RwkvUnit<T>> {
  using Base = GateCell<T, kernels::RwkvUnit<T>>;

 public:
  RwkvCell(const PartSpec& part, std::int64_t inputs)
      : Base(StructureOf(part, inputs), {}, inputs),
        mix_(static_cast<T>(part.Number("mix"))),
        input_gain_(part.Number("input_gain")) {}

  // Decays spread over units from e^-5 to e^3, more of them long; bonuses around log 0.3 that
  // differ between neighbours, as the published code has them (Peng et al. 2023).
  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, 0, input_gain_, theta);
    const std::int64_t n = this->shape().n;
    const double last = static_cast<double>(std::max<std::int64_t>(n - 1, 1));
    for (std::int64_t i = 0; i < n; ++i) {
      const double place = static_cast<double>(i) / last;
      const double power = place == 0 ? 0 : kernels::Exp(0.7 * kernels::Log(place));
      this->LastRow(kDecay, theta)[i] = static_cast<T>(-5 + 8 * power);
      const double zigzag = 0.5 * (static_cast<double>((i + 1) % 3) - 1);
      this->LastRow(kBonus, theta)[i] = static_cast<T>(kLogOf03 + zigzag);
    }
  }

 private:
  static constexpr double kLogOf03 = -1.2039728043259361;

  // mix x + (1 - mix) x', and x for the next step. Two bytes make no one-hot input.
  void FillViews(const T*, const CellInput<T>& input, const T* previous,
                 CellStep<T>* step) const override {
    const std::int64_t d = this->shape().d;
    const std::int64_t before = this->state_size() - d;
    T* const x = step->state() + before;
    if (input.dense != nullptr) {
      std::copy_n(input.dense, d, x);
    } else {
      std::fill_n(x, d, T{0});
      if (input.byte != kNoByte) x[input.byte] = T{1};
    }
    T* const view = this->view(step, 0);
    for (std::int64_t j = 0; j < d; ++j) {
      view[j] = mix_ * x[j] + (T{1} - mix_) * previous[before + j];
    }
    step->one_hot = false;
    step->byte = kNoByte;
  }

  T mix_;
  double input_gain_;
};

}  // namespace

PartDescription DescribeRwkv() {
  return {"cell",
          "rwkv",
          "RWKV-4 time mixing: values averaged by exponential keys that decay; exact to learn at "
          "the step's cost.",
          {UnitsSetting(),
           {.name = "mix",
            .minimum = 0,
            .maximum = 1,
            .default_value = 0.5,
            .sentence = "Share of the input in what is projected; the rest is the input before."},
           InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeRwkv(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<RwkvCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeRwkv(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeRwkv(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
