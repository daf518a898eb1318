// What every listed cell's parameters are called, where they start, and which settings do not fit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/errors.h"
#include "engine/parameters.h"
#include "tests/engine/cell_cases.h"

namespace millrace::engine {
namespace {

constexpr std::int64_t kMany = 4096;  // units of a sample

// A cell of d inputs as it starts.
class Start {
 public:
  Start(const std::string& name, Settings settings, std::int64_t units, std::int64_t inputs)
      : layout_(inputs) {
    settings.emplace("units", units);
    const auto cell = MakeCell<double>(Resolved(name, settings), inputs);
    cell->AddBlocks(&layout_);
    theta_.assign(static_cast<std::size_t>(cell->parameters()), -77.0);
    cell->Initialize(3, theta_.data());
  }

  std::vector<double> Block(const std::string& name) const {
    for (const ParameterBlock& block : layout_.blocks()) {
      if (block.name != name) continue;
      const auto first = theta_.begin() + static_cast<std::ptrdiff_t>(block.offset);
      return {first, first + static_cast<std::ptrdiff_t>(block.size())};
    }
    ADD_FAILURE() << "no block " << name;
    return {};
  }

 private:
  ParameterLayout layout_;
  std::vector<double> theta_;
};

double Mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += value;
  return sum / static_cast<double>(x.size());
}

double Deviation(const std::vector<double>& x) {
  const double mean = Mean(x);
  double sum = 0;
  for (const double value : x) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

// Mean within 4 standard errors, deviation within 5 %, and nothing outside.
void ExpectUniform(const std::vector<double>& x, double low, double high) {
  const double deviation = (high - low) / std::sqrt(12.0);
  EXPECT_NEAR(Mean(x), (low + high) / 2, 4 * deviation / std::sqrt(static_cast<double>(x.size())));
  EXPECT_NEAR(Deviation(x), deviation, 0.05 * deviation);
  EXPECT_GE(*std::min_element(x.begin(), x.end()), low);
  EXPECT_LE(*std::max_element(x.begin(), x.end()), high);
}

void ExpectNormal(const std::vector<double>& x, double deviation) {
  EXPECT_NEAR(Mean(x), 0, 4 * deviation / std::sqrt(static_cast<double>(x.size())));
  EXPECT_NEAR(Deviation(x), deviation, 0.05 * deviation);
}

void ExpectAll(const std::vector<double>& x, double value) {
  for (const double one : x) EXPECT_DOUBLE_EQ(one, value);
}

template <typename F>
std::vector<double> Each(std::vector<double> x, F f) {
  for (double& value : x) value = f(value);
  return x;
}

std::string Names(const CellCase& of) {
  ParameterLayout layout(2);
  MakeCell<double>(of.part, 2)->AddBlocks(&layout);
  std::vector<std::string> names;
  for (const ParameterBlock& block : layout.blocks()) {
    names.push_back(absl::StrCat(block.name, ":", block.rows, "x", block.width));
  }
  return absl::StrJoin(names, " ");
}

std::string Rib(const std::string& gates, int rows) {
  return absl::StrCat(gates, ".recurrent:", rows, "x6 ", gates, ".input:2x6 ", gates, ".bias:1x6");
}
std::string Ib(const std::string& gate) {
  return absl::StrCat(gate, ".input:2x6 ", gate, ".bias:1x6");
}

// Snapshots, overrides and other programs know parameters by these.
TEST(CellsInitialTest, BlocksKeepTheirNamesAndShapes) {
  const std::map<std::string, std::string> expected = {
      {"vanilla", "recurrent:6x6 input:2x6 bias:1x6"},
      {"vanilla_variant", "recurrent:6x6 input:2x6 bias:1x6"},
      {"ctrnn", "recurrent:6x6 input:2x6 bias:1x6 leak:1x6"},
      {"lstm",
       absl::StrJoin({Rib("input", 6), Rib("forget", 6), Rib("candidate", 6), Rib("output", 6)},
                     " ")},
      {"gru", absl::StrJoin({Rib("reset", 6), Rib("update", 6), Ib("candidate_input"),
                             std::string("candidate_recurrent.recurrent:6x6"),
                             std::string("candidate_recurrent.bias:1x6")},
                            " ")},
      {"gru_variant", absl::StrJoin({Rib("reset", 6), Rib("update", 6), Rib("candidate", 6)}, " ")},
      {"elstm", absl::StrCat(Ib("candidate"), " ", Ib("forget"),
                             " candidate_peephole:1x6 forget_peephole:1x6")},
      {"slstm",
       absl::StrJoin({Rib("input", 6), Rib("forget", 6), Rib("candidate", 6), Rib("output", 6)},
                     " ")},
      {"slstm_variant",
       absl::StrJoin({Rib("input", 2), Rib("forget", 2), Rib("candidate", 2), Rib("output", 2)},
                     " ")},
      {"block_gru", absl::StrJoin({Rib("reset", 6), Rib("candidate", 6), Rib("update", 6)}, " ")},
      {"block_gru_variant",
       absl::StrJoin({Rib("reset", 3), Rib("candidate", 3), Rib("update", 3)}, " ")},
      {"min_gru", absl::StrCat(Ib("update"), " ", Ib("candidate"))},
      {"min_gru_variant", absl::StrCat(Ib("update"), " ", Ib("candidate"))},
      {"lru", "input_real.input:2x6 input_imaginary.input:2x6 radius:1x6 phase:1x6"},
      {"lru_variant",
       "input_real.input:2x6 input_imaginary.input:2x6 radius:1x6 phase:1x6 log_gamma:1x6"},
      {"glru", "value.input:2x6 gate.input:2x6 recurrence.input:2x6 radius:1x6"},
      {"glru_variant",
       "value_real.input:2x6 value_imaginary.input:2x6 gate.input:2x6 recurrence.input:2x6 "
       "radius:1x6 phase:1x6"},
      {"rg_lru", "value.input:2x6 recurrence.input:2x6 input_gate.input:2x6 radius:1x6"},
      {"s4d_variant",
       "input.input:2x6 step:1x6 real_0:1x6 imaginary_0:1x6 readout_real_0:1x6 "
       "readout_imaginary_0:1x6 skip:1x6"},
      {"retnet", "query:2x8 key:2x8 value:2x6"},
      {"retnet_variant", "query:2x3 key:2x3 value:2x6"},
      {"rwkv", "key.input:2x6 value.input:2x6 receptance.input:2x6 decay:1x6 bonus:1x6"}};
  for (const CellCase& one : CellCases()) {
    const auto names = expected.find(one.label);
    if (names == expected.end()) {
      EXPECT_EQ(one.label, "s4d") << "a cell without expected names";
      continue;
    }
    EXPECT_EQ(Names(one), names->second) << one.label;
  }
}

TEST(CellsInitialTest, WeightsStartNormalWithTheGainsAndBiasesZero) {
  const Settings gains = {{"recurrent_gain", 0.8}, {"input_gain", 2.0}};
  const Start start("lstm", gains, 64, 25);
  for (const char* gate : {"input", "forget", "candidate", "output"}) {
    ExpectNormal(start.Block(absl::StrCat(gate, ".recurrent")), 0.8 / 8);
    ExpectNormal(start.Block(absl::StrCat(gate, ".input")), 2.0 / 5);
    ExpectAll(start.Block(absl::StrCat(gate, ".bias")), std::string(gate) == "forget" ? 1.0 : 0.0);
  }
  EXPECT_NE(start.Block("input.recurrent"), start.Block("forget.recurrent"));
  const Start blocks("block_gru", {{"blocks", std::int64_t{4}}}, 64, 25);
  ExpectNormal(blocks.Block("update.recurrent"), 1.0 / 4);
}

TEST(CellsInitialTest, ForgetGatesStartFromTheirSetting) {
  ExpectAll(Start("lstm", {{"forget_bias", -2.0}}, 6, 2).Block("forget.bias"), -2.0);
  ExpectAll(Start("slstm", {}, 6, 2).Block("forget.bias"), 1.0);
  ExpectAll(Start("elstm", {}, 6, 2).Block("forget.bias"), 1.0);
  ExpectAll(Start("elstm", {}, 6, 2).Block("candidate.bias"), 0.0);
}

TEST(CellsInitialTest, LeaksStartAroundTheirSetting) {
  const auto logit = [](double x) { return std::log(x / (1 - x)); };
  ExpectAll(Start("ctrnn", {}, 6, 2).Block("leak"), logit(0.2));
  const Start spread("ctrnn", {{"leak", 0.1}, {"leak_spread", 0.5}}, kMany, 1);
  const std::vector<double> raw = spread.Block("leak");
  ExpectNormal(Each(raw, [&](double x) { return x - logit(0.1); }), 0.5);
}

TEST(CellsInitialTest, EigenvaluesStartEvenOverTheirRing) {
  const Start start("lru", {{"r_min", 0.4}, {"r_max", 0.9}, {"max_phase", 2.0}, {"tied", false}},
                    kMany, 1);
  const std::vector<double> square =
      Each(start.Block("radius"), [](double nu) { return std::exp(-2 * std::exp(nu)); });
  ExpectUniform(square, 0.4 * 0.4, 0.9 * 0.9);
  ExpectUniform(Each(start.Block("phase"), [](double th) { return std::exp(th); }), 0, 2);
  const std::vector<double> gamma = start.Block("log_gamma");
  for (std::size_t i = 0; i < square.size(); ++i) {
    EXPECT_NEAR(gamma[i], 0.5 * std::log(1 - square[i]), 1e-12);
  }
  const std::vector<double> disc = Each(Start("lru", {}, kMany, 1).Block("radius"),
                                        [](double nu) { return std::exp(-2 * std::exp(nu)); });
  ExpectUniform(disc, 0, 1);
}

TEST(CellsInitialTest, GatedDecaysStartInGriffinsRing) {
  const auto square = [](double rate) { return std::exp(-2 * rate); };
  constexpr double kLow = 0.9 * 0.9;
  constexpr double kHigh = 0.999 * 0.999;
  for (const bool complex : {false, true}) {
    const Start start("glru", {{"complex", complex}}, kMany, 1);
    ExpectUniform(Each(start.Block("radius"), [&](double nu) { return square(std::exp(nu)); }),
                  kLow, kHigh);
    if (complex) ExpectUniform(start.Block("phase"), 0, 6.2831853072);
  }
  ExpectUniform(Each(Start("rg_lru", {}, kMany, 1).Block("radius"),
                     [&](double nu) { return square(std::log1p(std::exp(nu))); }),
                kLow, kHigh);
}

TEST(CellsInitialTest, StateSpacesStartFromTheLinearSpectrum) {
  const Start start("s4d", {{"state", std::int64_t{3}}}, kMany, 1);
  ExpectUniform(start.Block("step"), std::log(1e-3), std::log(1e-1));
  ExpectNormal(start.Block("skip"), 1.0);
  for (int s = 0; s < 3; ++s) {
    ExpectAll(start.Block(absl::StrCat("real_", s)), std::log(0.5));
    ExpectAll(start.Block(absl::StrCat("imaginary_", s)), 3.141592653589793 * s);
    ExpectNormal(start.Block(absl::StrCat("readout_real_", s)), std::sqrt(0.5));
    ExpectNormal(start.Block(absl::StrCat("readout_imaginary_", s)), std::sqrt(0.5));
  }
}

TEST(CellsInitialTest, TimeMixingStartsWithDecaysSpreadOverUnits) {
  const std::vector<double> decay = Start("rwkv", {}, 3, 1).Block("decay");
  const std::vector<double> bonus = Start("rwkv", {}, 3, 1).Block("bonus");
  for (int i = 0; i < 3; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_NEAR(decay[at], -5 + 8 * std::pow(i / 2.0, 0.7), 1e-12);
    EXPECT_NEAR(bonus[at], std::log(0.3) + 0.5 * ((i + 1) % 3 - 1), 1e-12);
  }
}

TEST(CellsInitialTest, KeysStartSmallerByTheRootOfTheirSize) {
  const Start start("retnet", {{"key_size", std::int64_t{16}}}, 64, 25);
  ExpectNormal(start.Block("query"), 1.0 / 5);
  ExpectNormal(start.Block("key"), 1.0 / 20);
  ExpectNormal(start.Block("value"), 1.0 / 5);
}

TEST(CellsInitialTest, TheStartIsAFunctionOfTheSeedAlone) {
  for (const CellCase& one : CellCases()) {
    const auto cell = MakeCell<double>(one.part, 3);
    std::vector<double> first(static_cast<std::size_t>(cell->parameters()), 1.0);
    std::vector<double> again(first.size(), 2.0), other(first.size(), 1.0);
    cell->Initialize(5, first.data());
    cell->Initialize(5, again.data());
    cell->Initialize(6, other.data());
    EXPECT_EQ(first, again) << one.label;
    EXPECT_NE(first, other) << one.label;
  }
}

ModelSpec ModelWith(const PartSpec& cell) {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{3}}}};
  spec.cell = cell;
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  return spec;
}

TEST(CellsInitialTest, SettingsThatDoNotFitEachOtherAreRefusedWithTheRemedy) {
  const auto sentence = [](const PartSpec& cell) {
    const absl::Status status = Resolve(ModelWith(cell)).status();
    EXPECT_EQ(ReasonOf(status), kBadSpec);
    return std::string(status.message());
  };
  EXPECT_EQ(sentence({"slstm", {{"units", std::int64_t{8}}, {"heads", std::int64_t{3}}}}),
            "setting 'heads' of cell 'slstm' is 3; expected a divisor of its 8 units; change "
            "either");
  EXPECT_EQ(sentence({"block_gru", {{"units", std::int64_t{8}}, {"blocks", std::int64_t{16}}}}),
            "setting 'blocks' of cell 'block_gru' is 16; expected a divisor of its 8 units; "
            "change either");
  EXPECT_EQ(sentence({"lru", {{"units", std::int64_t{8}}, {"r_min", 0.9}, {"r_max", 0.5}}}),
            "setting 'r_min' of cell 'lru' is 0.9; expected at most its r_max, 0.5; change either");
}

TEST(CellsInitialTest, AModelWithoutARuleTakesTheExactOneWhereItCostsNoMoreThanTheStep) {
  const std::map<std::string, std::string> expected = {
      {"vanilla", "immediate"}, {"ctrnn", "immediate"}, {"lstm", "immediate"},
      {"gru", "immediate"},     {"slstm", "immediate"}, {"block_gru", "immediate"},
      {"elstm", "rtrl"},        {"min_gru", "rtrl"},    {"lru", "rtrl"},
      {"glru", "rtrl"},         {"rg_lru", "rtrl"},     {"s4d", "rtrl"},
      {"retnet", "rtrl"},       {"rwkv", "rtrl"}};
  for (const CellCase& one : CellCases()) {
    const absl::StatusOr<ModelSpec> resolved = Resolve(ModelWith(one.part));
    ASSERT_TRUE(resolved.ok()) << resolved.status();
    const auto rule = expected.find(one.part.name);
    ASSERT_NE(rule, expected.end()) << one.part.name;
    EXPECT_EQ(resolved->rule.name, rule->second) << one.label;
  }
}

}  // namespace
}  // namespace millrace::engine
