#include "engine/cells/lru.h"

#include "absl/strings/str_format.h"
#include "engine/cells/gate_cell.h"
#include "engine/cells/ring.h"
#include "engine/cells/settings.h"
#include "engine/errors.h"
#include "kernels/cells/lru.h"
#include "kernels/math/expm1.h"
#include "kernels/math/log.h"

namespace millrace::engine {
namespace {

constexpr int kRadius = 2;
constexpr int kPhase = 3;
constexpr int kLogGamma = 4;

Structure StructureOf(const PartSpec& part, std::int64_t inputs) {
  Structure structure = {.n = part.Integer("units"),
                         .d = inputs,
                         .gates = {{.name = "input_real", .input = true},
                                   {.name = "input_imaginary", .input = true},
                                   {.name = "radius", .own = true},
                                   {.name = "phase", .own = true}}};
  if (!part.Flag("tied")) structure.gates.push_back({.name = "log_gamma", .own = true});
  return structure;
}

template <typename T, typename Unit>
class LruCell final : public GateCell<T, Unit> {
 public:
  LruCell(const PartSpec& part, std::int64_t inputs)
      : GateCell<T, Unit>(StructureOf(part, inputs)), part_(part) {}

  void Initialize(std::uint64_t seed, T* theta) const override {
    this->InitializeGates(seed, 0, part_.Number("input_gain"), theta);
    Random radius = this->RowGenerator(seed, kRadius);
    Random phase = this->RowGenerator(seed, kPhase);
    for (std::int64_t i = 0; i < this->shape().n; ++i) {
      const double rate = RingRate(part_.Number("r_min"), part_.Number("r_max"), &radius);
      const double angle = part_.Number("max_phase") * OpenUniform(&phase);
      this->LastRow(kRadius, theta)[i] = static_cast<T>(kernels::Log(rate));
      this->LastRow(kPhase, theta)[i] = static_cast<T>(kernels::Log(angle));
      if (part_.Flag("tied")) continue;
      const double square = -kernels::Expm1(-2 * rate);  // 1 - |lambda|^2
      this->LastRow(kLogGamma, theta)[i] = static_cast<T>(0.5 * kernels::Log(square));
    }
  }

 private:
  PartSpec part_;
};

}  // namespace

PartDescription DescribeLru() {
  return {"cell",
          "lru",
          "Linear recurrent unit: complex diagonal recurrence, exact to learn at the step's cost.",
          {UnitsSetting(),
           {.name = "r_min",
            .minimum = 0,
            .maximum = 1,
            .default_value = 0.0,
            .sentence = "|lambda| starts in a ring of the unit disc: its inner radius."},
           {.name = "r_max",
            .minimum = 1e-6,
            .maximum = 1,
            .default_value = 1.0,
            .sentence = "The ring's outer radius."},
           {.name = "max_phase",
            .unit = "radians",
            .minimum = 1e-6,
            .maximum = 6.283185307179586,
            .default_value = 6.283,
            .sentence = "lambda's angle starts uniform from 0 to this."},
           {.name = "tied",
            .type = SettingType::kFlag,
            .default_value = true,
            .sentence = "Scale the input by sqrt(1 - |lambda|^2); false: by a factor that starts "
                        "there and is learned."},
           InputGainSetting()}};
}

absl::Status CheckLru(const PartSpec& part) {
  if (part.Number("r_min") <= part.Number("r_max")) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("setting 'r_min' of cell 'lru' is %g; expected at most its r_max, "
                               "%g; change either",
                               part.Number("r_min"), part.Number("r_max")));
}

template <typename T>
std::unique_ptr<Cell<T>> MakeLru(const PartSpec& part, std::int64_t inputs) {
  if (part.Flag("tied")) return std::make_unique<LruCell<T, kernels::LruUnit<T>>>(part, inputs);
  return std::make_unique<LruCell<T, kernels::LruLearnedGammaUnit<T>>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeLru(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeLru(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
