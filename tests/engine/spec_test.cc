#include "engine/spec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "engine/errors.h"

namespace millrace::engine {
namespace {

ModelSpec Vector() {
  ModelSpec spec;
  spec.input = {"vector", {{"size", std::int64_t{3}}}};
  spec.cell = {"vanilla", {{"units", std::int64_t{8}}}};
  spec.head = {"linear", {{"outputs", std::int64_t{2}}}};
  spec.loss = {"mean_squared_error", {}};
  return spec;
}

ModelSpec Bytes() {
  ModelSpec spec = Vector();
  spec.input = {"bytes", {}};
  spec.head = {"linear", {}};
  spec.loss = {"cross_entropy", {}};
  spec.target = {"next_input", {}};
  return spec;
}

void ExpectBad(const ModelSpec& spec, const std::string& sentence) {
  const absl::StatusOr<ModelSpec> resolved = Resolve(spec);
  ASSERT_FALSE(resolved.ok()) << sentence;
  EXPECT_EQ(resolved.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(resolved.status()), kBadSpec);
  EXPECT_EQ(std::string(resolved.status().message()), sentence);
}

TEST(SpecTest, ResolvingFillsEveryPartAndSetting) {
  const absl::StatusOr<ModelSpec> resolved = Resolve(Vector());
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->rule.name, "immediate");
  EXPECT_EQ(resolved->optimizer.name, "rmsprop");
  EXPECT_EQ(resolved->target.name, "with_observation");
  EXPECT_EQ(resolved->guard.name, "standard");
  EXPECT_EQ(resolved->monitor.name, "standard");
  EXPECT_EQ(resolved->cell.Integer("units"), 8);
  EXPECT_EQ(resolved->cell.Number("leak"), 1.0);
  EXPECT_EQ(resolved->input.Text("missing"), "refused");
  EXPECT_FALSE(resolved->input.Flag("normalise"));
  EXPECT_EQ(resolved->optimizer.Number("rate"), 1e-3);
}

TEST(SpecTest, ResolvingAResolvedSpecificationChangesNothing) {
  for (const ModelSpec& spec : {Vector(), Bytes()}) {
    const absl::StatusOr<ModelSpec> once = Resolve(spec);
    ASSERT_TRUE(once.ok()) << once.status();
    const absl::StatusOr<ModelSpec> twice = Resolve(*once);
    ASSERT_TRUE(twice.ok()) << twice.status();
    EXPECT_EQ(CanonicalText(*twice), CanonicalText(*once));
  }
}

TEST(SpecTest, EveryListedDefaultIsAllowedByItsOwnDescription) {
  for (const PartDescription& part : DescribeParts()) {
    PartSpec spec;
    spec.name = part.name;
    for (const SettingDescription& setting : part.settings) {
      EXPECT_FALSE(setting.sentence.empty()) << part.kind << "." << setting.name;
      if (setting.default_value.has_value()) continue;
      if (setting.type == SettingType::kInteger) spec.settings[setting.name] = std::int64_t{4};
      if (setting.type == SettingType::kNumber) spec.settings[setting.name] = 0.5;
    }
    const absl::StatusOr<PartSpec> resolved = ResolvePart(part.kind, spec, "");
    EXPECT_TRUE(resolved.ok()) << resolved.status();
    EXPECT_FALSE(part.sentence.empty()) << part.kind << " " << part.name;
  }
}

TEST(SpecTest, APartThatIsMissingOrUnknownIsNamedWithTheCandidates) {
  ModelSpec spec = Vector();
  spec.input = {};
  ExpectBad(spec,
            "input is missing; known inputs: vector, bytes; set the specification's part "
            "'input'");
  spec = Vector();
  spec.loss.name = "hinge";
  ExpectBad(spec,
            "loss 'hinge' is unknown; known losses: binary_cross_entropy, "
            "cross_entropy, mean_squared_error, poisson");
}

TEST(SpecTest, ASettingThatIsMissingUnknownOrOutOfRangeIsNamedWithWhatIsExpected) {
  ModelSpec spec = Vector();
  spec.input.settings.clear();
  ExpectBad(spec,
            "setting 'size' of input 'vector' is missing; expected an integer from 1 to "
            "65536 (values); set it in the specification's part 'input'");
  spec = Vector();
  spec.input.settings["sise"] = std::int64_t{3};
  ExpectBad(spec,
            "setting 'sise' of input 'vector' is unknown; known settings: size, transform, "
            "normalise, window, floor, missing, silent_after, skip, skip_decay");
  spec = Vector();
  spec.input.settings["size"] = std::int64_t{0};
  ExpectBad(spec,
            "setting 'size' of input 'vector' is 0; expected an integer from 1 to 65536 "
            "(values)");
  spec = Vector();
  spec.input.settings["transform"] = std::string("cube");
  ExpectBad(spec,
            "setting 'transform' of input 'vector' is 'cube'; expected one of none, "
            "square_root, log1p");
  spec = Vector();
  spec.input.settings["normalise"] = std::int64_t{1};
  ExpectBad(spec, "setting 'normalise' of input 'vector' is 1; expected true or false");
  spec = Vector();
  spec.input.settings["skip_decay"] = std::string("fast");
  ExpectBad(spec,
            "setting 'skip_decay' of input 'vector' is 'fast'; expected a finite number "
            "from 0 to 1");
}

TEST(SpecTest, NumbersAndIntegersPassForEachOtherWhereNothingIsLost) {
  ModelSpec spec = Vector();
  spec.input.settings["size"] = 3.0;
  spec.input.settings["skip_decay"] = std::int64_t{1};
  const absl::StatusOr<ModelSpec> resolved = Resolve(spec);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->input.Integer("size"), 3);
  EXPECT_EQ(resolved->input.Number("skip_decay"), 1.0);
  spec.input.settings["size"] = 3.5;
  ExpectBad(spec,
            "setting 'size' of input 'vector' is 3.5; expected an integer from 1 to 65536 "
            "(values)");
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e300}) {
    spec.input.settings["size"] = value;
    EXPECT_FALSE(Resolve(spec).ok()) << value;
  }
  spec = Vector();
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    spec.input.settings["floor"] = value;
    EXPECT_FALSE(Resolve(spec).ok()) << value;
  }
}

TEST(SpecTest, ASettingWithoutUpperBoundIsFiniteAllTheSame) {
  ModelSpec spec = Vector();
  spec.monitor = {"standard", {{"reference_loss", std::numeric_limits<double>::infinity()}}};
  ExpectBad(spec,
            "setting 'reference_loss' of monitor 'standard' is inf; expected a finite number of at "
            "least -1");
}

TEST(SpecTest, NextInputTargetsFixOutputsAndLoss) {
  const absl::StatusOr<ModelSpec> bytes = Resolve(Bytes());
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->head.Integer("outputs"), 256);
  ModelSpec spec = Bytes();
  spec.loss.name = "mean_squared_error";
  ExpectBad(spec,
            "loss is 'mean_squared_error'; expected 'cross_entropy', since target "
            "'next_input' of input 'bytes' is a class; change the loss or the target");
  spec = Bytes();
  spec.head.settings["outputs"] = std::int64_t{10};
  ExpectBad(spec,
            "setting 'outputs' of head 'linear' is 10; expected 256, the width of input "
            "'bytes', since target is 'next_input'; leave it out");
  spec = Vector();
  spec.target.name = "next_input";
  ExpectBad(spec,
            "setting 'outputs' of head 'linear' is 2; expected 3, the width of input "
            "'vector', since target is 'next_input'; leave it out");
  spec.head.settings.clear();
  const absl::StatusOr<ModelSpec> vector = Resolve(spec);
  ASSERT_TRUE(vector.ok()) << vector.status();
  EXPECT_EQ(vector->head.Integer("outputs"), 3);
  spec.loss.name = "cross_entropy";
  EXPECT_FALSE(Resolve(spec).ok());
}

TEST(SpecTest, OutputsMustSuitTheLoss) {
  ModelSpec spec = Vector();
  spec.head.settings["outputs"] = std::int64_t{0};
  ExpectBad(spec,
            "setting 'outputs' of head 'linear' is 0; loss 'mean_squared_error' expects at "
            "least 1; set it in the specification's part 'head'");
  spec.loss.name = "cross_entropy";
  spec.head.settings["outputs"] = std::int64_t{1};
  ExpectBad(spec,
            "setting 'outputs' of head 'linear' is 1; loss 'cross_entropy' expects at "
            "least 2; set it in the specification's part 'head'");
}

TEST(SpecTest, WhatIsNotCarriedOutIsUnimplementedByName) {
  const auto expect = [](const ModelSpec& spec, const std::string& word) {
    const absl::Status status = Resolve(spec).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_EQ(ReasonOf(status), kNotCarriedOut);
    EXPECT_NE(std::string(status.message()).find(word), std::string::npos) << status;
  };
  ModelSpec spec = Vector();
  spec.weight_sharing = WeightSharing::kShared;
  expect(spec, "SHARED");
  spec.weight_sharing = WeightSharing::kAdapter;
  expect(spec, "ADAPTER");
}

TEST(SpecTest, OverridesSetChangeableSettingsOnly) {
  const ModelSpec resolved = *Resolve(Vector());
  const absl::StatusOr<ModelSpec> changed = WithOverrides(
      resolved, {{"optimizer.rate", 0.5}, {"monitor.reference_loss", std::int64_t{2}}});
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->optimizer.Number("rate"), 0.5);
  EXPECT_EQ(changed->monitor.Number("reference_loss"), 2.0);
  for (const NamedSetting& bad : std::vector<NamedSetting>{{"cell.units", std::int64_t{9}},
                                                           {"optimizer.speed", 1.0},
                                                           {"rate", 1.0},
                                                           {"", 1.0},
                                                           {".", 1.0},
                                                           {"engine.rate", 1.0},
                                                           {"optimizer.rate", std::string("x")},
                                                           {"optimizer.rate", -5.0}}) {
    const absl::Status status = WithOverrides(resolved, {bad}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad.name;
    EXPECT_EQ(ReasonOf(status), kBadSpec);
  }
  const absl::Status status = WithOverrides(resolved, {{"cell.units", std::int64_t{9}}}).status();
  EXPECT_NE(std::string(status.message()).find("optimizer.rate"), std::string::npos) << status;
}

TEST(SpecTest, TheCanonicalTextHasOneSortedLineASetting) {
  const std::string text = CanonicalText(*Resolve(Vector()));
  EXPECT_NE(text.find("cell = vanilla\ncell.input_gain = 1\ncell.leak = 1\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("input.floor = 0.01\n"), std::string::npos);
  EXPECT_NE(text.find("input.transform = \"none\"\n"), std::string::npos);
  EXPECT_NE(text.find("number_type = float32\n"), std::string::npos);
  EXPECT_NE(text.find("optimizer.rate = 0.001\n"), std::string::npos);
}

TEST(SpecTest, TheDigestOfAnUnresolvedLiteralIsTheSameInEveryRelease) {
  // Not of a resolved one: its defaults may change with a release, this form may not.
  ModelSpec spec = Vector();
  spec.cell.settings["leak"] = 0.1;
  spec.rule = {"x", {{"flag", true}, {"text", std::string("a\"\n")}}};
  spec.number_type = NumberType::kFloat64;
  spec.durability = Durability::kSync;
  EXPECT_EQ(SpecDigest(spec), "0994f064032c47f78b198544e0ec661712ca28a2eb9b85ebfa8cbb28f0ab0bd6");
  spec.cell.settings["leak"] = 0.10000000000000002;
  EXPECT_NE(SpecDigest(spec), "0994f064032c47f78b198544e0ec661712ca28a2eb9b85ebfa8cbb28f0ab0bd6");
}

TEST(SpecTest, ASpecificationStoredBeforeASettingCameKeepsItsDigest) {
  ModelSpec stored = Vector();
  stored.rule = {"rtrl", {}};
  const ModelSpec now = *Resolve(stored);
  EXPECT_EQ(now.rule.Text("sensitivities"), "full");
  stored = now;
  stored.rule.settings.erase("sensitivities");
  EXPECT_EQ(SpecDigest(now), SpecDigest(stored));
  EXPECT_EQ(SpecDigest(*Resolve(stored)), SpecDigest(stored));
  stored.rule.settings["sensitivities"] = std::string("bf16");
  EXPECT_NE(SpecDigest(*Resolve(stored)), SpecDigest(now));
  EXPECT_NE(CanonicalText(stored).find("rule.sensitivities = \"bf16\"\n"), std::string::npos);
}

TEST(SpecTest, NumbersOfSensitivitiesAreThoseOfFloat32) {
  ModelSpec spec = Vector();
  for (const char* const rule : {"rtrl", "sparse_rtrl"}) {
    for (const char* const numbers : {"tf32x3", "tf32", "bf16"}) {
      spec.number_type = NumberType::kFloat32;
      spec.rule = {rule, {{"sensitivities", std::string(numbers)}}};
      if (spec.rule.name == "sparse_rtrl") spec.rule.settings["k"] = std::int64_t{2};
      EXPECT_TRUE(Resolve(spec).ok()) << Resolve(spec).status();
      spec.number_type = NumberType::kFloat64;
      const absl::Status refused = Resolve(spec).status();
      EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(refused.message(),
                absl::StrCat("setting 'sensitivities' of rule '", rule, "' is '", numbers,
                             "'; expected 'full', since the model's number type is float64; leave "
                             "it out, or use float32"));
    }
  }
  spec.rule.settings["sensitivities"] = std::string("full");
  EXPECT_TRUE(Resolve(spec).ok());
}

TEST(SpecTest, ZeroHasOneDigestWhateverItsSign) {
  ModelSpec plus = Vector(), minus = Vector();
  plus.input.settings["skip_decay"] = 0.0;
  minus.input.settings["skip_decay"] = -0.0;
  EXPECT_EQ(SpecDigest(*Resolve(plus)), SpecDigest(*Resolve(minus)));
}

}  // namespace
}  // namespace millrace::engine
