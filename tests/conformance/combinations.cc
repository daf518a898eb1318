#include "tests/conformance/combinations.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <utility>

#include "tests/support/numbers.h"

namespace millrace::conformance {
namespace {

using engine::ModelSpec;
using engine::PartDescription;
using engine::PartSpec;
using engine::SettingDescription;
using engine::SettingType;
using engine::SettingValue;

// Values of required settings, and of those whose default would make a test say little (a readout
// of zero keeps all gradients of the cell at zero) or take long.
const std::vector<std::pair<std::string, SettingValue>> kBase = {{"units", std::int64_t{6}},
                                                                 {"size", std::int64_t{4}},
                                                                 {"outputs", std::int64_t{3}},
                                                                 {"gain", 1.0},
                                                                 {"rate", 0.01},
                                                                 {"balance_half_life", 20.0},
                                                                 {"input_gain", 0.8},
                                                                 {"hidden", std::int64_t{5}},
                                                                 {"key_size", std::int64_t{3}},
                                                                 {"state", std::int64_t{2}},
                                                                 {"blocks", std::int64_t{2}},
                                                                 {"k", std::int64_t{2}},
                                                                 {"r_max", 0.9},
                                                                 {"ridge", 0.5},
                                                                 {"window", std::int64_t{5}}};

// Numbers that make a part behave otherwise than by default: a variant for each.
const std::vector<std::pair<std::string, SettingValue>> kTelling = {
    {"leak", 0.3},     {"decay", 0.7},       {"momentum", 0.8},
    {"filter_2", 3.0}, {"leak_spread", 0.5}, {"heads", std::int64_t{2}}};
// Of optimizers, all of which have them: told of one.
const std::vector<std::pair<std::string, SettingValue>> kTellingRates = {
    {"rate_readout", 0.03}, {"rate_input", 0.0}, {"rate_recurrent", 0.0}};

// Settings that mean something only beside another one.
const std::vector<std::pair<std::string, std::pair<std::string, SettingValue>>> kBeside = {
    {"normalised", {"decay", SettingValue(0.7)}}};

template <typename List>
auto Find(const List& list, const std::string& name) {
  return std::find_if(list.begin(), list.end(),
                      [&](const auto& entry) { return entry.first == name; });
}

std::vector<Variant> VariantsOfEntry(const PartDescription& entry) {
  Variant base{entry.name, {entry.name, {}}};
  for (const SettingDescription& setting : entry.settings) {
    const auto value = Find(kBase, setting.name);
    if (value != kBase.end()) base.part.settings[setting.name] = value->second;
  }
  std::vector<Variant> variants{base};
  const auto add = [&](const std::string& suffix, const std::string& name, SettingValue value) {
    Variant variant = base;
    variant.name += "." + suffix;
    variant.part.settings[name] = std::move(value);
    const auto beside = Find(kBeside, name);
    if (beside != kBeside.end()) {
      variant.part.settings[beside->second.first] = beside->second.second;
    }
    variants.push_back(std::move(variant));
  };
  for (const SettingDescription& setting : entry.settings) {
    if (setting.type == SettingType::kFlag && setting.default_value.has_value()) {
      const bool flag = std::get<bool>(*setting.default_value);
      add((flag ? "no_" : "") + setting.name, setting.name, !flag);
    }
    if (setting.type == SettingType::kText && setting.default_value.has_value()) {
      for (const std::string& choice : setting.choices) {
        if (SettingValue(choice) != *setting.default_value) add(choice, setting.name, choice);
      }
    }
    for (const auto* const list : {&kTelling, &kTellingRates}) {
      if (list == &kTellingRates && entry.name != "rmsprop") continue;
      const auto telling = Find(*list, setting.name);
      if (telling != list->end()) add(setting.name, setting.name, telling->second);
    }
  }
  return variants;
}

Variant Part(const std::string& name, PartSpec part) { return {name, std::move(part)}; }

// Inputs, targets and guards go together in few ways that matter: listed by hand.
std::vector<Variant> InputVariants() {
  const std::int64_t size = 4;
  return {Part("plain", {"vector", {{"size", size}}}),
          Part("counts", {"vector",
                          {{"size", size},
                           {"transform", "square_root"},
                           {"normalise", true},
                           {"window", std::int64_t{50}},
                           {"missing", "allowed"},
                           {"silent_after", std::int64_t{4}},
                           {"skip", "hold"}}}),
          Part("fading", {"vector",
                          {{"size", size},
                           {"transform", "log1p"},
                           {"missing", "allowed"},
                           {"skip", "decay"},
                           {"skip_decay", 0.5}}}),
          Part("bytes", {"bytes", {}})};
}

std::vector<Variant> TargetVariants() {
  return {Part("on_time", {"with_observation", {}}), Part("next", {"next_input", {}}),
          Part("delayed",
               {"delayed", {{"window", std::int64_t{64}}, {"catch_up_steps", std::int64_t{3}}}})};
}

std::vector<Variant> GuardVariants() {
  return {Part("unclipped", {"standard", {{"clip_norm", 0.0}}}),
          Part("clipped", {"standard", {{"clip_norm", 0.3}}}),
          Part("groups", {"standard", {{"clip_norm", 0.1}, {"clip", "per_group"}}})};
}

struct Axis {
  std::vector<Variant> variants;
  std::function<void(const Variant&, ModelSpec*)> apply;
};

// Every pair of a cell and a rule that the engine accepts.
std::vector<Combination> CellsWithRules() {
  std::vector<Combination> pairs;
  for (const Variant& cell : VariantsOf("cell")) {
    for (const Variant& rule : VariantsOf("rule")) {
      Combination pair{cell.name + "+" + rule.name, BaseSpec()};
      pair.spec.cell = cell.part;
      pair.spec.rule = rule.part;
      if (engine::Resolve(pair.spec).ok()) pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

// Dense sensitivities in numbers of fewer bits, which need float32: cells with a carry of their own
// state, with several components, with a modulator, in blocks; all entries, a ring, blocks.
std::vector<Combination> CellsWithFewerBits() {
  const std::set<std::string> cells = {"vanilla.leak", "lstm", "gru.before", "block_gru"};
  std::vector<Combination> pairs;
  for (const Variant& cell : VariantsOf("cell")) {
    if (cells.count(cell.name) == 0) continue;
    for (const char* const mask : {"", "ring", "block"}) {
      for (const char* const numbers : {"tf32x3", "tf32", "bf16"}) {
        const std::string kept(mask);
        Combination pair{cell.name + "+rtrl." + kept + "." + numbers, BaseSpec()};
        pair.spec.number_type = engine::NumberType::kFloat32;
        pair.spec.cell = cell.part;
        pair.spec.rule = {kept.empty() ? "rtrl" : "sparse_rtrl",
                          {{"sensitivities", std::string(numbers)}}};
        if (!kept.empty()) {
          pair.spec.rule.settings["mask"] = kept;
          pair.spec.rule.settings["k"] = std::int64_t{kept == "ring" ? 2 : 3};
        }
        if (engine::Resolve(pair.spec).ok()) pairs.push_back(std::move(pair));
      }
    }
  }
  return pairs;
}

Axis PartAxis(std::vector<Variant> variants, PartSpec ModelSpec::*part) {
  return {std::move(variants),
          [part](const Variant& variant, ModelSpec* spec) { spec->*part = variant.part; }};
}

// In float32 a gradient that is zero but for rounding must not be divided by its own size.
void ApplyNumbers(const Variant& variant, ModelSpec* spec) {
  spec->number_type =
      variant.name == "float64" ? engine::NumberType::kFloat64 : engine::NumberType::kFloat32;
  const bool divides = spec->optimizer.name == "rmsprop" || spec->optimizer.name == "adam" ||
                       spec->optimizer.name == "adamw";
  if (variant.name == "float32" && divides) spec->optimizer.settings["epsilon"] = 1e-4;
}

std::vector<Axis> Axes() {
  Axis numbers{{{"float64", {}}, {"float32", {}}}, ApplyNumbers};
  return {PartAxis(VariantsOf("optimizer"), &ModelSpec::optimizer),
          PartAxis(VariantsOf("head"), &ModelSpec::head),
          PartAxis(VariantsOf("loss"), &ModelSpec::loss),
          std::move(numbers),
          PartAxis(InputVariants(), &ModelSpec::input),
          PartAxis(TargetVariants(), &ModelSpec::target),
          PartAxis(GuardVariants(), &ModelSpec::guard)};
}

// One variant of each axis.
using Row = std::vector<int>;

Combination Compose(const Combination& cell_and_rule, const std::vector<Axis>& axes,
                    const Row& row) {
  Combination combination = cell_and_rule;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const Variant& variant = axes[a].variants[static_cast<std::size_t>(row[a])];
    axes[a].apply(variant, &combination.spec);
    combination.name += "/" + variant.name;
  }
  if (combination.spec.target.name == "next_input") {
    combination.spec.head.settings["outputs"] = std::int64_t{0};
  }
  return combination;
}

engine::Device the_device = engine::Device::kCpu;

// The nearest combination that device code covers: targets with the observation, a linear head, and
// a loss and an optimizer that it has.
void TurnToDevice(ModelSpec* spec) {
  spec->target = {"with_observation", {}};
  const auto past_the_cell = [](const auto& setting) {
    return setting.first == "direct" || setting.first.rfind("filter", 0) == 0 ||
           setting.first == "context_orders";
  };
  const engine::Settings& head = spec->head.settings;
  if (spec->head.name != "linear" || std::any_of(head.begin(), head.end(), past_the_cell)) {
    spec->head = BaseSpec().head;
  }
  if (spec->head.settings["outputs"] == SettingValue(std::int64_t{0})) {
    spec->head.settings["outputs"] = std::int64_t{3};
  }
  if (spec->loss.name != "cross_entropy") spec->loss = {"mean_squared_error", {}};
  if (spec->optimizer.name == "obgd") spec->optimizer = {"sgd", {{"rate", 0.01}}};
}

// What the engine makes a model of; what it refuses has tests of its own.
bool GoTogether(const ModelSpec& spec) { return engine::Resolve(spec).ok(); }

// (axis, variant, axis, variant) with the first axis the smaller.
using Pair = std::array<int, 4>;

std::set<Pair> AllPairs(const std::vector<Axis>& axes) {
  std::set<Pair> pairs;
  for (int a = 0; a < static_cast<int>(axes.size()); ++a) {
    for (int b = a + 1; b < static_cast<int>(axes.size()); ++b) {
      for (int i = 0; i < static_cast<int>(axes[a].variants.size()); ++i) {
        for (int j = 0; j < static_cast<int>(axes[b].variants.size()); ++j) {
          pairs.insert({a, i, b, j});
        }
      }
    }
  }
  return pairs;
}

std::vector<Pair> PairsOf(const Row& row) {
  std::vector<Pair> pairs;
  for (int a = 0; a < static_cast<int>(row.size()); ++a) {
    for (int b = a + 1; b < static_cast<int>(row.size()); ++b)
      pairs.push_back({a, row[a], b, row[b]});
  }
  return pairs;
}

// The best of some drawn rows that hold `pair`; empty where none that goes together was found.
Row BestRowWith(const Pair& pair, const std::vector<Axis>& axes, const std::set<Pair>& open,
                testing_support::Numbers* numbers) {
  const Combination base{"", BaseSpec()};
  Row best;
  long best_count = -1;
  for (int attempt = 0, found = 0; attempt < 100 && found < 8; ++attempt) {
    Row row;
    for (const Axis& axis : axes)
      row.push_back(numbers->Index(static_cast<int>(axis.variants.size())));
    row[static_cast<std::size_t>(pair[0])] = pair[1];
    row[static_cast<std::size_t>(pair[2])] = pair[3];
    if (!GoTogether(Compose(base, axes, row).spec)) continue;
    ++found;
    const std::vector<Pair> pairs = PairsOf(row);
    const long count =
        std::count_if(pairs.begin(), pairs.end(), [&](const Pair& p) { return open.count(p) > 0; });
    if (count > best_count) {
      best_count = count;
      best = row;
    }
  }
  return best;
}

// Rows in which every two variants of two axes meet, where they can.
std::vector<Row> PairwiseRows(const std::vector<Axis>& axes) {
  std::set<Pair> open = AllPairs(axes);
  testing_support::Numbers numbers(1);
  std::vector<Row> rows;
  while (!open.empty()) {
    const Pair pair = *open.begin();
    Row row = BestRowWith(pair, axes, open, &numbers);
    open.erase(pair);
    if (row.empty()) continue;
    for (const Pair& covered : PairsOf(row)) open.erase(covered);
    rows.push_back(std::move(row));
  }
  return rows;
}

// Every row with a pair of cell and rule, and every such pair with a row: both lists go around as
// often as the other needs.
std::vector<Combination> MakeCombinations() {
  const std::vector<Axis> axes = Axes();
  const std::vector<Row> rows = PairwiseRows(axes);
  std::vector<Combination> pairs = CellsWithRules();
  for (Combination& pair : CellsWithFewerBits()) pairs.push_back(std::move(pair));
  std::vector<Combination> combinations;
  for (std::size_t i = 0; i < std::max(rows.size(), pairs.size()); ++i) {
    Combination combination;
    for (std::size_t shift = 0; shift < rows.size(); ++shift) {
      combination = Compose(pairs[i % pairs.size()], axes, rows[(i + shift) % rows.size()]);
      if (GoTogether(combination.spec)) break;
    }
    if (the_device != engine::Device::kCpu) TurnToDevice(&combination.spec);
    combinations.push_back(std::move(combination));
  }
  return combinations;
}

}  // namespace

void RunOn(engine::Device device) { the_device = device; }

std::vector<Variant> VariantsOf(const std::string& kind) {
  std::vector<Variant> variants;
  for (const PartDescription& entry : engine::DescribeParts(kind)) {
    for (Variant& variant : VariantsOfEntry(entry)) variants.push_back(std::move(variant));
  }
  return variants;
}

const std::vector<Combination>& Combinations() {
  static const std::vector<Combination>* const combinations =
      new std::vector<Combination>(MakeCombinations());
  return *combinations;
}

ModelSpec BaseSpec() {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{4}}}};
  spec.cell = {"vanilla", {{"units", std::int64_t{6}}, {"leak", 0.5}}};
  spec.head = {"linear", {{"outputs", std::int64_t{3}}, {"gain", 1.0}}};
  spec.loss = {"mean_squared_error", {}};
  spec.optimizer = {"rmsprop", {{"rate", 0.01}}};
  spec.number_type = engine::NumberType::kFloat64;
  return spec;
}

std::shared_ptr<const engine::Model> MakeModel(const ModelSpec& spec) {
  ModelSpec placed = spec;
  placed.device = the_device;
  absl::StatusOr<std::shared_ptr<const engine::Model>> model =
      engine::Model::Create("conformance", placed);
  if (!model.ok()) {
    std::fprintf(stderr, "the engine refuses a model: %s\n", model.status().ToString().c_str());
    std::abort();
  }
  return *std::move(model);
}

}  // namespace millrace::conformance
