#include "engine/cells/ctrnn.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/ctrnn.h"
#include "kernels/math/log.h"

namespace millrace::engine {
namespace {

constexpr int kLeak = 1;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  return {
      .n = part.Integer("units"),
      .d = inputs,
      .fed_back = 0,
      .gates = {{.recurrent = true, .input = true, .bias = true}, {.name = "leak", .own = true}}};
}

template <typename T>
class CtrnnCell final : public GateCell<T, kernels::CtrnnUnit<T>> {
 public:
  CtrnnCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, kernels::CtrnnUnit<T>>(StructureOf(part, inputs)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, part_.Number("recurrent_gain"), part_.Number("input_gain"), theta);
    const double leak = part_.Number("leak");
    const double centre = kernels::Log(leak / (1 - leak));  // sigmoid's inverse
    const double spread = part_.Number("leak_spread");
    Random random = this->RowGenerator(seed, kLeak);
    T* const raw = this->LastRow(kLeak, theta);
    for (std::int64_t i = 0; i < this->shape().n; ++i) {
      raw[i] = static_cast<T>(centre + spread * random.Normal());
    }
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeCtrnn() {
  return {"cell",
          "ctrnn",
          "Leaky tanh rate units whose time constants are learned, one leak a unit.",
          {UnitsSetting(),
           {.name = "leak",
            .minimum = 1e-6,
            .maximum = 1 - 1e-6,
            .default_value = 0.2,
            .sentence = "dt/tau of a unit at the start."},
           {.name = "leak_spread",
            .minimum = 0,
            .maximum = 10,
            .default_value = 0.0,
            .sentence = "Standard deviation over units of the leak's logit at the start."},
           RecurrentGainSetting(),
           InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeCtrnn(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<CtrnnCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeCtrnn(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeCtrnn(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
