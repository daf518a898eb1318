#include "engine/device/plan.h"

#include <algorithm>
#include <string>

#include "engine/check.h"
#include "engine/device/status.h"
#include "engine/device/traces.h"
#include "engine/device/unit_map.h"
#include "engine/rules/block_sensitivities.h"
#include "engine/rules/snap1.h"
#include "kernels/device/team.h"
#include "kernels/device/tensor_tile.h"
#include "kernels/device/tile.h"
#include "kernels/device/units.h"
#include "kernels/math/updates.h"

namespace millrace::engine {
namespace {

namespace device = kernels::device;

constexpr std::int64_t kAlignment = 256;
// Small blocks of units are swept in registers.
constexpr int kWidestNarrow = 8;
constexpr int kWidths[] = {64, 32, 16};
constexpr int kDepths[] = {16, 8};

std::int64_t Aligned(std::int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

int Int(std::int64_t value) { return static_cast<int>(value); }

template <typename T>
device::Sensitivities SensitivitiesOf(const PartSpec& rule) {
  switch (NumbersOf<T>(rule)) {
    case SensitivityNumbers::kTf32x3:
      return device::Sensitivities::kTf32x3;
    case SensitivityNumbers::kTf32:
      return device::Sensitivities::kTf32;
    case SensitivityNumbers::kBf16:
      return device::Sensitivities::kBf16;
    case SensitivityNumbers::kFull:
      break;
  }
  return device::Sensitivities::kFull;
}

}  // namespace

template <typename T>
DevicePlan<T>::DevicePlan(const ModelSpec& spec, const Network<T>& network,
                          const device::Backend& backend) {
  const Structure& structure = *network.cell().structure();
  MILLRACE_CHECK(UnitMapOf(spec.cell, &plan_.unit));
  const auto find = [&](const char* name) { return spec.cell.settings.find(name); };
  if (spec.cell.name == "vanilla") plan_.leak = static_cast<T>(spec.cell.Number("leak"));
  if (spec.cell.name == "s4d") plan_.states = Int(spec.cell.Integer("state"));
  if (find("activation") != spec.cell.settings.end()) {
    plan_.positive = spec.cell.Text("activation") == "positive";
  }
  plan_.loss = spec.loss.name == "cross_entropy" ? device::LossForm::kCrossEntropy
                                                 : device::LossForm::kMeanSquaredError;
  plan_.readout_bias = spec.head.Flag("bias");
  FillGates(structure);
  FillShape(structure, network);
  FillRanges(network.layout());
  FillRule(spec, structure);
  if (plan_.rule == device::RuleForm::kTraces) FillTraces(structure);
  FillVectors(backend.shared_bytes());
  FillLayout(spec);
  FillResidency(backend);
}

template <typename T>
DevicePlan<T>::~DevicePlan() {
  if (memory_ != nullptr) backend_->Free(memory_);
}

template <typename T>
void DevicePlan<T>::FillGates(const Structure& structure) {
  for (const Gate& gate : structure.gates) {
    gates_.push_back({.offset = gate.offset,
                      .row = Int(gate.offset / structure.n),
                      .recurrent = Int(structure.recurrent_rows(gate)),
                      .input = gate.input ? Int(structure.d) : 0,
                      .last = gate.bias || gate.own ? 1 : 0,
                      .modulator = gate.modulator,
                      .modulates = false,
                      .own = gate.own});
  }
  for (const Gate& gate : structure.gates) {
    if (gate.modulator != kNone) gates_[static_cast<std::size_t>(gate.modulator)].modulates = true;
  }
  for (const Pair& pair : structure.carry) carry_.push_back({pair.to, pair.from});
  for (const Pair& pair : structure.slope) slope_.push_back({pair.to, pair.from});
}

template <typename T>
void DevicePlan<T>::FillShape(const Structure& structure, const Network<T>& network) {
  device::Shape& shape = plan_.shape;
  shape.n = Int(structure.n);
  shape.d = Int(structure.d);
  shape.m = Int(network.outputs());
  shape.components = structure.components;
  shape.auxiliary = Int(network.cell().auxiliary() / structure.n);
  shape.first_output = structure.first_output;
  shape.fed_back = structure.fed_back;
  shape.block_units = Int(structure.block_units());
  shape.gates = Int(static_cast<std::int64_t>(gates_.size()));
  shape.carries = Int(static_cast<std::int64_t>(carry_.size()));
  shape.slopes = Int(static_cast<std::int64_t>(slope_.size()));
  shape.modulated = !structure.unit_local();
  shape.rows = Int(structure.parameters() / structure.n);
  shape.cell_parameters = structure.parameters();
  shape.parameters = network.layout().size();
  shape.powers = Int(network.layout().powers());
}

// The cell's blocks in the order of its gates, then the head's.
template <typename T>
void DevicePlan<T>::FillRanges(const ParameterLayout& layout) {
  for (const ParameterBlock& block : layout.blocks()) {
    device::Range range = {.offset = block.offset,
                           .rows = Int(block.rows),
                           .width = Int(block.width),
                           .power = Int(block.power),
                           .group = static_cast<int>(block.group),
                           .part = device::Part::kFeatures,
                           .gate = device::kNone,
                           .rows_wait = block.rows_wait,
                           .columns_wait = block.columns_wait};
    if (block.name == "readout_bias") range.part = device::Part::kReadoutBias;
    for (std::size_t g = 0; g < gates_.size() && block.offset < plan_.shape.cell_parameters; ++g) {
      if (gates_[g].offset > block.offset) break;
      range.gate = static_cast<int>(g);
    }
    if (range.gate != device::kNone) {
      range.part = block.group == Group::kRecurrent ? device::Part::kFedBack
                   : block.group == Group::kInput   ? device::Part::kInput
                                                    : device::Part::kOne;
    }
    ranges_.push_back(range);
  }
  plan_.ranges = Int(static_cast<std::int64_t>(ranges_.size()));
}

template <typename T>
void DevicePlan<T>::FillRule(const ModelSpec& spec, const Structure& structure) {
  const std::string& rule = spec.rule.name;
  plan_.rule = device::RuleForm::kTraces;
  plan_.coupling = device::Coupling::kOwnUnit;
  std::vector<Pair> coupling;
  if (rule == "immediate" && spec.rule.Number("decay") == 0) {
    plan_.rule = device::RuleForm::kImmediate;
  } else if (rule == "immediate") {
    plan_.coupling = device::Coupling::kDecay;
    for (int c = structure.first_output; c < structure.components; ++c) coupling.push_back({c, c});
  } else if (rule == "rflo") {
    plan_.coupling = device::Coupling::kCarry;
    coupling = structure.carry;
  } else if (rule == "snap1" || structure.diagonal()) {
    coupling = OwnUnitCoupling(structure);
  } else {
    plan_.rule = device::RuleForm::kBlocks;
    plan_.blocks.sensitivities = SensitivitiesOf<T>(spec.rule);
    FillKept(spec.rule, structure);
  }
  for (const Pair& pair : coupling) coupling_.push_back({pair.to, pair.from});
  plan_.couplings = Int(static_cast<std::int64_t>(coupling_.size()));
}

template <typename T>
void DevicePlan<T>::FillTraces(const Structure& structure) {
  std::vector<Pair> coupling;
  for (const kernels::Pair& pair : coupling_) coupling.push_back({pair.to, pair.from});
  plan_.rule_state = ListTraces(structure, coupling, &entries_, &sources_, &gate_traces_);
}

// A ring of k others with the unit itself, or blocks; the same entries as the engine's mask keeps.
template <typename T>
void DevicePlan<T>::FillKept(const PartSpec& rule, const Structure& structure) {
  device::BlockPlan& blocks = plan_.blocks;
  const std::int64_t c = structure.block_units();
  blocks.s = Int(c);
  blocks.kept = device::kNone;
  const bool ring = rule.name == "sparse_rtrl" && rule.Text("mask") == "ring";
  if (rule.name == "sparse_rtrl" && !ring) blocks.s = Int(rule.Integer("k"));
  plan_.rule_state = std::int64_t{structure.components} * blocks.s * structure.parameters();
  if (rule.name != "sparse_rtrl" || (!ring && rule.Flag("include_self"))) return;
  const bool self = rule.Flag("include_self");
  const std::int64_t others = ring ? rule.Integer("k") / 2 * 2 : blocks.s - 1;
  blocks.kept = Int(others + (self ? 1 : 0));
  for (std::int64_t i = 0; i < structure.n; ++i) {
    std::vector<std::int32_t> row;
    if (self) row.push_back(Int(i % blocks.s));
    for (std::int64_t l = 0; !ring && l < blocks.s; ++l) {
      if (l != i % blocks.s) row.push_back(Int(l));
    }
    for (std::int64_t offset = 1; ring && offset <= others / 2; ++offset) {
      row.push_back(Int((i + offset) % c));
      row.push_back(Int((i + c - offset) % c));
    }
    std::sort(row.begin(), row.end());
    kept_.insert(kept_.end(), row.begin(), row.end());
  }
}

// Matrix units take blocks of more than 8 units without a mask, in tiles of at least a warp's
// columns.
template <typename T>
bool DevicePlan<T>::FillTensor(std::int64_t shared_bytes) {
  device::BlockPlan& blocks = plan_.blocks;
  const bool three = blocks.sensitivities == device::Sensitivities::kTf32x3;
  const bool wanted = three || blocks.sensitivities == device::Sensitivities::kTf32;
  blocks.tensor = wanted && blocks.kept == device::kNone && blocks.s > kWidestNarrow;
  for (const int width : kWidths) {
    if (!blocks.tensor || width < device::kWarpColumns) continue;
    blocks.width = width;
    blocks.rows = !three && blocks.s > 4 * blocks.row_threads() ? 8 : 4;
    for (const int depth : {blocks.s, kDepths[0], kDepths[1]}) {
      blocks.depth = depth;
      blocks.numbers = device::TensorSizesOf<T>(blocks, plan_.shape.components).all();
      if (blocks.numbers * static_cast<std::int64_t>(sizeof(T)) <= shared_bytes) return true;
    }
  }
  return blocks.tensor = false;
}

// The widest tile, and of the Jacobian as much as then fits beside it.
template <typename T>
void DevicePlan<T>::FillBlocks(std::int64_t shared_bytes) {
  if (FillTensor(shared_bytes)) return;
  device::BlockPlan& blocks = plan_.blocks;
  const std::int64_t s = blocks.s, components = plan_.shape.components;
  const bool masked = blocks.kept != device::kNone;
  for (const int width : kWidths) {
    blocks.width = width;
    blocks.rows = s > 4 * blocks.row_threads() ? 8 : 4;
    const std::int64_t pass = blocks.pass_rows();
    const std::int64_t tile = device::kColumnNumbers<T> * width + components * s * width +
                              std::int64_t{blocks.row_threads()} * width;
    const auto fits = [&](std::int64_t jacobian) {
      blocks.numbers = tile + jacobian;
      return blocks.numbers * static_cast<std::int64_t>(sizeof(T)) <= shared_bytes;
    };
    blocks.depth = blocks.s;
    if (fits(masked ? 0 : components * s * ((s + pass - 1) / pass * pass))) return;
    for (const int depth : kDepths) {
      blocks.depth = depth;
      if (!masked && depth < s && fits(depth * pass)) return;
    }
  }
  MILLRACE_CHECK(false);  // Covers has seen to it
}

template <typename T>
void DevicePlan<T>::FillVectors(std::int64_t shared_bytes) {
  constexpr std::int64_t kNumber = sizeof(T);
  const auto vectors = device::Vectors<T>::At(nullptr, plan_.shape, plan_.couplings);
  plan_.vector_numbers = (vectors.size + 3) / 4 * 4;
  const std::int64_t sums = device::kSumNumbers * kNumber;
  // A sweep keeps at least half of what is shared.
  plan_.vectors_shared = !LongSweep() && sums + plan_.vector_numbers * kNumber <= shared_bytes / 2;
  const std::int64_t taken = sums + (plan_.vectors_shared ? plan_.vector_numbers * kNumber : 0);
  if (plan_.rule == device::RuleForm::kBlocks) FillBlocks(shared_bytes - taken);
  plan_.shared_bytes = taken + plan_.blocks.numbers * kNumber;
}

template <typename T>
void DevicePlan<T>::FillLayout(const ModelSpec& spec) {
  const device::Shape& shape = plan_.shape;
  const device::Settings<T> settings = DeviceSettings<T>(spec);
  const bool first =
      spec.optimizer.name == "sgd" || (settings.update != device::UpdateForm::kRmsprop);
  const bool second = settings.update == device::UpdateForm::kRmsprop ||
                      settings.update == device::UpdateForm::kAdam;
  const bool good = spec.guard.Integer("good_every") > 0;
  const bool blocks = plan_.rule == device::RuleForm::kBlocks;
  const bool bounded = settings.max_step_change > 0 || settings.max_release_change > 0;
  const std::int64_t numbers = sizeof(T);
  const auto take = [&](bool wanted, std::int64_t bytes) {
    if (!wanted || bytes == 0) return std::int64_t{-1};
    const std::int64_t at = layout_.bytes;
    layout_.bytes += Aligned(bytes);
    return at;
  };
  const std::int64_t p = shape.parameters * numbers;
  const std::int64_t powers = shape.powers * static_cast<std::int64_t>(sizeof(double));
  const std::int64_t jacobian = std::int64_t{shape.components} * shape.n * plan_.blocks.s * numbers;
  layout_.theta = take(true, p);
  layout_.slot1 = take(first, p);
  layout_.slot2 = take(second, p);
  layout_.power1 = take(true, powers);
  layout_.power2 = take(true, powers);
  layout_.hidden = take(true, shape.states() * numbers);
  layout_.predicted = take(true, shape.states() * numbers);
  layout_.rule = take(true, plan_.rule_state * (keeps_bf16() ? 2 : numbers));
  layout_.good_theta = take(good, p);
  layout_.good_slot1 = take(good && first, p);
  layout_.good_slot2 = take(good && second, p);
  layout_.good_power1 = take(good, powers);
  layout_.good_power2 = take(good, powers);
  layout_.state_bytes = layout_.bytes;
  layout_.gradient = take(blocks || bounded, p);
  layout_.jacobian = take(blocks, jacobian);
  layout_.reach = take(blocks && shape.modulated, jacobian);
  layout_.updates =
      take(true, shape.powers * static_cast<std::int64_t>(
                                    sizeof(kernels::AdamUpdate<T, kernels::Root<true, true>>)));
  layout_.vectors = take(true, plan_.vector_numbers * numbers);
}

template <typename T>
bool DevicePlan<T>::LongSweep() const {
  constexpr std::int64_t kLong = 1 << 20;  // numbers of state
  return plan_.rule == device::RuleForm::kBlocks && plan_.rule_state >= kLong;
}

// A sweep is worth many blocks where there are fewer streams than processors, and it is long.
template <typename T>
int DevicePlan<T>::SplitsFor(int streams, int processors) const {
  if (!LongSweep()) return 1;
  return std::max(1, 2 * processors / std::max(1, streams));
}

template <typename T>
absl::Status DevicePlan<T>::Upload(device::Backend* backend) {
  backend_ = backend;
  std::vector<unsigned char> bytes;
  const auto put = [&](const auto& table) {
    const std::size_t at = bytes.size();
    const auto* const from = reinterpret_cast<const unsigned char*>(table.data());
    bytes.insert(bytes.end(), from, from + table.size() * sizeof(table[0]));
    bytes.resize((bytes.size() + 15) / 16 * 16);
    return at;
  };
  const std::size_t at[] = {put(gates_),       put(carry_),    put(slope_),
                            put(ranges_),      put(entries_),  put(sources_),
                            put(gate_traces_), put(coupling_), put(kept_)};
  bytes.resize(bytes.size() + 16);
  const auto size = static_cast<std::int64_t>(bytes.size());
  absl::Status status = StatusOf(backend->Allocate(size, &memory_));
  if (status.ok()) status = StatusOf(backend->ToDevice(bytes.data(), size, memory_));
  if (status.ok()) status = StatusOf(backend->Wait());
  if (!status.ok()) return status;
  const unsigned char* const base = static_cast<const unsigned char*>(memory_);
  const auto place = [&](std::size_t number, const auto** table) {
    *table = reinterpret_cast<std::remove_reference_t<decltype(*table)>>(base + at[number]);
  };
  device::Tables& tables = plan_.tables;
  place(0, &tables.gates);
  place(1, &tables.carry);
  place(2, &tables.slope);
  place(3, &tables.ranges);
  place(4, &tables.entries);
  place(5, &tables.sources);
  place(6, &tables.gate_traces);
  place(7, &tables.coupling);
  place(8, &tables.kept);
  return absl::OkStatus();
}

template <typename T>
device::Slot<T> DevicePlan<T>::SlotAt(void* memory) const {
  unsigned char* const base = static_cast<unsigned char*>(memory);
  const auto numbers = [base](std::int64_t at) {
    return at < 0 ? nullptr : reinterpret_cast<T*>(base + at);
  };
  const auto doubles = [base](std::int64_t at) {
    return at < 0 ? nullptr : reinterpret_cast<double*>(base + at);
  };
  return {.weights = {numbers(layout_.theta), numbers(layout_.slot1), numbers(layout_.slot2),
                      doubles(layout_.power1), doubles(layout_.power2)},
          .good = {numbers(layout_.good_theta), numbers(layout_.good_slot1),
                   numbers(layout_.good_slot2), doubles(layout_.good_power1),
                   doubles(layout_.good_power2)},
          .hidden = numbers(layout_.hidden),
          .predicted = numbers(layout_.predicted),
          .rule = numbers(layout_.rule),
          .update = nullptr,
          .gradient = numbers(layout_.gradient),
          .jacobian = numbers(layout_.jacobian),
          .reach = numbers(layout_.reach),
          .updates = base + layout_.updates,
          .vectors = numbers(layout_.vectors)};
}

template class DevicePlan<float>;
template class DevicePlan<double>;

}  // namespace millrace::engine
