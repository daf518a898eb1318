// Which models device code covers, and their changeable settings in its form.
#include <cstdint>
#include <memory>
#include <string>

#include "engine/cells/list.h"
#include "engine/device/plan.h"
#include "engine/device/unit_map.h"
#include "engine/guard.h"
#include "engine/heads/features.h"
#include "engine/optimizers/list.h"
#include "kernels/device/plan.h"
#include "kernels/device/units.h"
#include "kernels/device/work.h"

namespace millrace::engine {
namespace {

namespace device = kernels::device;

// Blocks of units of dense sensitivities, at most: a tile of 16 columns then fits shared memory.
constexpr std::int64_t kMostUnits = 1024;
constexpr std::int64_t kMostNumbers = std::int64_t{1} << 30;  // of parameters

bool CoversRule(const PartSpec& rule, const Structure& structure) {
  if (rule.name == "immediate") {
    return rule.Number("decay") == 0 || structure.components <= device::kMaxComponents;
  }
  if (rule.name == "rflo") {
    return rule.Text("feedback") == "readout" && structure.components <= device::kMaxComponents;
  }
  if (rule.name == "snap1" || (rule.name == "rtrl" && structure.diagonal())) {
    return structure.components <= device::kMaxComponents;
  }
  if (rule.name == "rtrl") return structure.components * structure.block_units() <= kMostUnits;
  if (rule.name != "sparse_rtrl") return false;
  const std::string& mask = rule.Text("mask");
  const std::int64_t units = mask == "block" ? rule.Integer("k") : structure.block_units();
  return (mask == "ring" || mask == "block") && structure.components * units <= kMostUnits;
}

bool CoversHead(const PartSpec& head) {
  return head.name == "linear" && FirstDirectFeature(head).empty() &&
         head.Integer("context_orders") == 0;
}

bool CoversOptimizer(const PartSpec& optimizer) {
  return optimizer.name == "sgd" || optimizer.name == "rmsprop" || optimizer.name == "adam" ||
         optimizer.name == "adamw";
}

}  // namespace

bool UnitMapOf(const PartSpec& cell, device::UnitMap* map) {
  using device::UnitMap;
  const auto is = [&](const char* name, UnitMap of) {
    if (cell.name == name) *map = of;
    return cell.name == name;
  };
  return is("vanilla", UnitMap::kLeakyTanh) || is("ctrnn", UnitMap::kCtrnnUnit) ||
         is("lstm", UnitMap::kLstmUnit) || is("elstm", UnitMap::kElstmUnit) ||
         is("slstm", UnitMap::kSlstmUnit) || is("block_gru", UnitMap::kBlockGruUnit) ||
         is("min_gru", UnitMap::kMinGruUnit) || is("rg_lru", UnitMap::kRgLruUnit) ||
         is("s4d", UnitMap::kS4d) ||
         (cell.name == "gru" &&
          is("gru",
             cell.Text("reset") == "after" ? UnitMap::kGruAfterUnit : UnitMap::kGruBeforeUnit)) ||
         (cell.name == "lru" &&
          is("lru", cell.Flag("tied") ? UnitMap::kLruUnit : UnitMap::kLruLearnedGammaUnit)) ||
         (cell.name == "glru" &&
          is("glru", cell.Flag("complex") ? UnitMap::kComplexGlruUnit : UnitMap::kGlruUnit));
}

bool DeviceCovers(const ModelSpec& spec, std::int64_t inputs) {
  device::UnitMap map;
  if (!UnitMapOf(spec.cell, &map) || !CoversHead(spec.head) || !CoversOptimizer(spec.optimizer)) {
    return false;
  }
  if (spec.loss.name != "mean_squared_error" && spec.loss.name != "cross_entropy") return false;
  if (spec.monitor.Integer("diagnostics_every") > 0) return false;
  const std::unique_ptr<Cell<float>> cell = MakeCell<float>(spec.cell, inputs);
  return cell->parameters() <= kMostNumbers && CoversRule(spec.rule, *cell->structure());
}

template <typename T>
device::Settings<T> DeviceSettings(const ModelSpec& spec) {
  const std::unique_ptr<Optimizer<T>> optimizer = MakeOptimizer<T>(spec.optimizer);
  const Moments& moments = optimizer->moments();
  const GuardSettings guard(spec.guard);
  device::Settings<T> settings = {};
  if (spec.optimizer.name == "sgd") {
    settings.update = static_cast<T>(moments.beta1) == T{0} ? device::UpdateForm::kSgd
                                                            : device::UpdateForm::kMomentum;
  } else if (optimizer->uses_slot1()) {
    settings.update =
        optimizer->uses_slot2() ? device::UpdateForm::kAdam : device::UpdateForm::kFirstMoment;
  } else {
    settings.update = device::UpdateForm::kRmsprop;
  }
  settings.sparse_update = optimizer->sparse();
  for (std::size_t g = 0; g < kGroups; ++g) {
    settings.rate[g] = optimizer->rate(static_cast<Group>(g));
  }
  settings.beta1 = moments.beta1;
  settings.beta2 = moments.beta2;
  settings.epsilon = moments.epsilon;
  settings.weight_decay = moments.weight_decay;
  settings.corrected = moments.corrected;
  settings.epsilon_inside = moments.epsilon_inside;
  settings.epsilon_uncorrected = moments.epsilon_uncorrected;
  settings.clip_norm = guard.clip_norm;
  settings.clip_per_group = guard.clip_per_group;
  settings.max_sensitivity_norm = guard.max_sensitivity_norm;
  settings.max_step_change = guard.max_step_change;
  settings.max_release_change = guard.max_release_change;
  settings.trace_scale = T{1};
  if (spec.rule.name == "immediate") {
    settings.decay = static_cast<T>(spec.rule.Number("decay"));
    if (spec.rule.Flag("normalised")) settings.trace_scale = T{1} - settings.decay;
  }
  return settings;
}

template device::Settings<float> DeviceSettings(const ModelSpec&);
template device::Settings<double> DeviceSettings(const ModelSpec&);

}  // namespace millrace::engine
