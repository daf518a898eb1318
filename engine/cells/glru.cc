#include "engine/cells/glru.h"

#include "engine/cells/gate_cell.h"
#include "engine/cells/ring.h"
#include "engine/cells/settings.h"
#include "kernels/cells/glru.h"
#include "kernels/math/log.h"

namespace millrace::engine {
namespace {

constexpr double kFullTurn = 6.283185307179586;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  Structure structure = {.n = part.Integer("units"), .d = inputs};
  const auto see_input = [&](const char* name) {
    structure.gates.push_back({.name = name, .input = true});
  };
  if (part.Flag("complex")) {
    see_input("value_real");
    see_input("value_imaginary");
  } else {
    see_input("value");
  }
  see_input("gate");
  see_input("recurrence");
  structure.gates.push_back({.name = "radius", .own = true});
  if (part.Flag("complex")) structure.gates.push_back({.name = "phase", .own = true});
  return structure;
}

template <typename T, typename Unit>
class GlruCell final : public GateCell<T, Unit> {
 public:
  GlruCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, Unit>(StructureOf(part, inputs)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, 0, part_.Number("input_gain"), theta);
    const bool complex = part_.Flag("complex");
    const int radius = Unit::kGates - (complex ? 2 : 1);
    Random random = this->RowGenerator(seed, radius);
    for (std::int64_t i = 0; i < this->shape().n; ++i) {
      const double rate = RingRate(kGriffinMinimum, kGriffinMaximum, &random);
      this->LastRow(radius, theta)[i] = static_cast<T>(kernels::Log(rate));
    }
    if (!complex) return;
    Random angle = this->RowGenerator(seed, radius + 1);
    for (std::int64_t i = 0; i < this->shape().n; ++i) {
      this->LastRow(radius + 1, theta)[i] = static_cast<T>(kFullTurn * angle.Uniform());
    }
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeGlru() {
  return {"cell",
          "glru",
          "Gated linear recurrent unit: a decay that the input gates, a bilinear input path; exact "
          "to learn at the step's cost.",
          {UnitsSetting(),
           {.name = "complex",
            .type = SettingType::kFlag,
            .default_value = false,
            .sentence = "Rotate the state by a learned angle each step; two outputs a unit."},
           InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeGlru(const PartSpec& part, std::int64_t inputs) {
  if (part.Flag("complex")) {
    return std::make_unique<GlruCell<T, kernels::ComplexGlruUnit<T>>>(part, inputs);
  }
  return std::make_unique<GlruCell<T, kernels::GlruUnit<T>>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeGlru(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeGlru(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
