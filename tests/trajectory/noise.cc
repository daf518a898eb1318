#include "tests/trajectory/noise.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/trajectory/specification.h"

namespace millrace::trajectory {
namespace {

absl::Status NoNoise(const char* key, const engine::ModelSpec& spec) {
  return Wrong(key, "there", absl::StrCat("none, since rule '", spec.rule.name, "' draws nothing"),
               "leave it out");
}

// What the numbers of a step are multiplied by.
absl::StatusOr<double> ReadScale(const Json& in, const engine::ModelSpec& spec) {
  const auto rule = in.find("rule");
  if (rule == in.end() || !rule->is_object() || !rule->contains(kImmediateLeak)) return 1.0;
  const Json& leak = rule->at(kImmediateLeak);
  const std::string place = absl::StrCat("rule.", kImmediateLeak);
  if (!leak.is_boolean()) return Wrong(place, WordsOf(leak), "true or false", "write one there");
  if (spec.rule.name != "uoro" || spec.cell.name != "vanilla") {
    return Wrong(place, "there", "it with rule 'uoro' and cell 'vanilla' only", "leave it out");
  }
  if (leak.get<bool>()) return 1.0;
  if (!in.contains("noise")) {
    return Wrong(place, "false without noise", "the numbers that the other program drew",
                 "write them in noise");
  }
  return 1 / std::sqrt(spec.cell.Number("leak"));
}

// B of UORO in the engine's order.
absl::StatusOr<std::vector<double>> ReadWeightFactor(const Json& b, const engine::ModelSpec& spec,
                                                     const engine::Cell<double>& cell) {
  const bool rows = b.is_array() && !b.empty() && b.front().is_array();
  if (spec.cell.name != "vanilla" || !rows) {
    return ReadVector(b, "noise_state.B", cell.parameters());
  }
  const std::int64_t n = cell.outputs(), fan_in = cell.parameters() / n;
  absl::StatusOr<std::vector<double>> by_unit = ReadMatrix(b, "noise_state.B", n, fan_in);
  if (!by_unit.ok()) return by_unit;
  std::vector<double> factor;
  for (std::int64_t j = 0; j < fan_in; ++j) {
    for (std::int64_t i = 0; i < n; ++i) {
      factor.push_back((*by_unit)[static_cast<std::size_t>(i * fan_in + j)]);
    }
  }
  return factor;
}

}  // namespace

absl::StatusOr<std::vector<double>> ReadNoise(const Json& in, const engine::ModelSpec& spec,
                                              std::int64_t steps, std::int64_t count) {
  absl::StatusOr<double> scale = ReadScale(in, spec);
  if (!scale.ok()) return scale.status();
  const auto found = in.find("noise");
  if (found == in.end()) return std::vector<double>();
  if (count == 0) return NoNoise("noise", spec);
  absl::StatusOr<std::vector<double>> noise = ReadMatrix(*found, "noise", steps, count);
  if (!noise.ok()) return noise;
  for (double& number : *noise) number *= *scale;
  return noise;
}

absl::StatusOr<std::vector<double>> ReadNoiseState(const Json& in, const engine::ModelSpec& spec,
                                                   const engine::Cell<double>& cell) {
  const auto found = in.find("noise_state");
  if (found == in.end()) return std::vector<double>();
  const bool uoro = spec.rule.name == "uoro";
  if (!uoro && spec.rule.name != "kf_rtrl") return NoNoise("noise_state", spec);
  if (!found->is_object() || !found->contains("A") || !found->contains("B")) {
    return Wrong("noise_state", WordsOf(*found), "an object of A and B", "write both factors");
  }
  absl::Status keys = CheckKeys(*found, "noise_state", {"A", "B"});
  if (!keys.ok()) return keys;
  const std::int64_t n = cell.outputs();
  absl::StatusOr<std::vector<double>> state =
      ReadVector(found->at("A"), "noise_state.A", uoro ? cell.components() : cell.parameters() / n);
  if (!state.ok()) return state;
  absl::StatusOr<std::vector<double>> b = uoro ? ReadWeightFactor(found->at("B"), spec, cell)
                                               : ReadMatrix(found->at("B"), "noise_state.B", n, n);
  if (!b.ok()) return b;
  state->insert(state->end(), b->begin(), b->end());
  return state;
}

}  // namespace millrace::trajectory
