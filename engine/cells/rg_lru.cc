#include "engine/cells/rg_lru.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/ring.h"
#include "engine/cells/settings.h"
#include "kernels/cells/rg_lru.h"
#include "kernels/math/expm1.h"
#include "kernels/math/log.h"

namespace millrace::engine {
namespace {

constexpr int kRadius = 3;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {.n = part.Integer("units"),
          .d = inputs,
          .gates = {{.name = "value", .input = true},
                    {.name = "recurrence", .input = true},
                    {.name = "input_gate", .input = true},
                    {.name = "radius", .own = true}}};
}

template <typename T>
class RgLruCell final : public GateCell<T, kernels::RgLruUnit<T>> {
 public:
  RgLruCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, kernels::RgLruUnit<T>>(StructureOf(part, inputs)),
        input_gain_(part.Number("input_gain")) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, 0, input_gain_, theta);
    Random random = this->RowGenerator(seed, kRadius);
    T* const radius = this->LastRow(kRadius, theta);
    for (std::int64_t i = 0; i < this->shape().n; ++i) {
      // softplus(radius) is the rate.
      const double rate = RingRate(kGriffinMinimum, kGriffinMaximum, &random);
      radius[i] = static_cast<T>(kernels::Log(kernels::Expm1(rate)));
    }
  }

 private:
  double input_gain_;
};

}  // namespace

PartDescription DescribeRgLru() {
  return {"cell",
          "rg_lru",
          "Real-gated linear recurrent unit of Griffin; exact to learn at the step's cost.",
          {UnitsSetting(), InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeRgLru(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<RgLruCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeRgLru(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeRgLru(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
