#include "engine/cells/s4d.h"

#include "absl/strings/str_cat.h"
#include "engine/cells/gate_cell.h"
#include "engine/cells/settings.h"
#include "kernels/cells/s4d.h"
#include "kernels/math/log.h"
#include "kernels/units.h"

namespace millrace::engine {
namespace {

constexpr int kMaxStates = 64;
constexpr int kStep = 1;
// Of the first state; every state has four gates.
constexpr int kReal = 2;
constexpr int kImaginary = 3;
constexpr int kReadoutReal = 4;
constexpr int kReadoutImaginary = 5;

constexpr double kPi = 3.141592653589793;
constexpr double kLog2 = 0.6931471805599453;
// dt at the start.
constexpr double kShortest = 1e-3;
constexpr double kLongest = 1e-1;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  const int states = static_cast<int>(part.Integer("state"));
  Structure structure = {
      .n = part.Integer("units"),
      .d = inputs,
      .components = 2 * states + 1,
      .first_output = 2 * states,
      .gates = {{.name = "input", .input = true}, {.name = "step", .own = true}}};
  for (int s = 0; s < states; ++s) {
    for (const char* name : {"real", "imaginary", "readout_real", "readout_imaginary"}) {
      structure.gates.push_back({.name = absl::StrCat(name, "_", s), .own = true});
    }
  }
  structure.gates.push_back({.name = "skip", .own = true});
  for (int k = 0; k < 6 * states; ++k) {
    const kernels::Pair pair = kernels::S4dCarryPair(states, k);
    structure.carry.push_back({pair.to, pair.from});
  }
  for (int k = 0; k < 12 * states + 3; ++k) {
    const kernels::Pair pair = kernels::S4dSlopePair(states, k);
    structure.slope.push_back({pair.to, pair.from});
  }
  return structure;
}

template <typename T>
class S4dCell final : public GateCellBase<T> {
 public:
  S4dCell(const PartSpec& part, std::int64_t inputs)
      : GateCellBase<T>(StructureOf(part, inputs), 0),
        states_(static_cast<int>(part.Integer("state"))),
        input_gain_(part.Number("input_gain")) {}

  // A = -1/2 + i pi s, dt log-uniform, the readout complex normal (Gu et al. 2022).
  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, 0, input_gain_, theta);
    const std::int64_t n = this->shape().n;
    const double shortest = kernels::Log(kShortest);
    const double range = kernels::Log(kLongest) - shortest;
    Random random = this->RowGenerator(seed, kStep);
    for (std::int64_t i = 0; i < n; ++i) {
      this->LastRow(kStep, theta)[i] = static_cast<T>(shortest + range * random.Uniform());
    }
    const auto draw = [&](int gate, double deviation) {
      this->RowGenerator(seed, gate).FillNormal(deviation, n, this->LastRow(gate, theta));
    };
    for (int s = 0; s < states_; ++s) {
      this->FillLastRow(kReal + 4 * s, -kLog2, theta);
      this->FillLastRow(kImaginary + 4 * s, kPi * s, theta);
      draw(kReadoutReal + 4 * s, kHalfVariance);
      draw(kReadoutImaginary + 4 * s, kHalfVariance);
    }
    draw(kReal + 4 * states_, 1.0);  // skip
  }

 private:
  static constexpr double kHalfVariance = 0.7071067811865476;

  void Units(const T* previous, CellStep<T>* step) const override {
    kernels::AdvanceS4dUnits(states_, this->ArraysOf(previous, step));
  }

  int states_;
  double input_gain_;
};

}  // namespace

PartDescription DescribeS4d() {
  return {"cell",
          "s4d",
          "Diagonal state space channels (S4D), one output a unit; exact to learn at the step's "
          "cost.",
          {UnitsSetting(),
           {.name = "state",
            .type = SettingType::kInteger,
            .minimum = 1,
            .maximum = kMaxStates,
            .default_value = std::int64_t{4},
            .sentence = "Complex states of a unit."},
           InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeS4d(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<S4dCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeS4d(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeS4d(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
