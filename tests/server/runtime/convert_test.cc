// The wire contract and the engine's words for the same things.

#include "server/convert/spec.h"

#include <cmath>
#include <limits>
#include <string>

#include "engine/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/convert/parts.h"
#include "server/convert/results.h"
#include "server/convert/stats.h"
#include "server/runtime.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

TEST(Convert, BringsASpecificationThereAndBack) {
  v1::ModelSpec spec = SmallSpec(v1::DURABILITY_SYNC, "delayed");
  spec.set_number_type(v1::NUMBER_TYPE_FLOAT64);
  spec.set_weight_sharing(v1::WEIGHT_SHARING_PER_STREAM);
  spec.set_device(v1::DEVICE_CPU);
  const auto converted = FromWire(spec);
  ASSERT_TRUE(converted.ok()) << converted.status();
  EXPECT_EQ(converted->durability, engine::Durability::kSync);
  EXPECT_EQ(converted->number_type, engine::NumberType::kFloat64);
  EXPECT_EQ(converted->input.Integer("size"), 4);
  const v1::ModelSpec back = ToWire(*converted);
  EXPECT_EQ(back.input().settings_size(), spec.input().settings_size());
  EXPECT_EQ(back.durability(), v1::DURABILITY_SYNC);
  EXPECT_EQ(FromWire(back)->input.settings, converted->input.settings);
}

TEST(Convert, TakesUnspecifiedForTheDefaults) {
  const auto converted = FromWire(v1::ModelSpec());
  ASSERT_TRUE(converted.ok());
  EXPECT_EQ(converted->durability, engine::Durability::kProcess);
  EXPECT_EQ(converted->device, engine::Device::kCpu);
}

TEST(Convert, RefusesFieldsAndEnumValuesItDoesNotKnow) {
  v1::ModelSpec spec = SmallSpec();
  spec.set_durability(static_cast<v1::Durability>(99));
  EXPECT_EQ(engine::ReasonOf(FromWire(spec).status()), engine::kBadSpec);
  spec = SmallSpec();
  spec.GetReflection()->MutableUnknownFields(&spec)->AddVarint(1000, 1);
  EXPECT_EQ(engine::ReasonOf(FromWire(spec).status()), engine::kBadSpec);
  spec = SmallSpec();
  v1::Setting* setting = spec.mutable_cell()->mutable_settings(0);
  setting->GetReflection()->MutableUnknownFields(setting)->AddVarint(1000, 1);
  const auto refused = FromWire(spec);
  EXPECT_EQ(engine::ReasonOf(refused.status()), engine::kBadSpec);
  EXPECT_NE(refused.status().message().find("spec.cell.settings"), absl::string_view::npos);
}

TEST(Convert, RefusesSettingsWithoutValueOrGivenTwice) {
  v1::ModelSpec spec = SmallSpec();
  spec.mutable_cell()->add_settings()->set_name("leak");
  EXPECT_EQ(engine::ReasonOf(FromWire(spec).status()), engine::kBadSpec);
  spec = SmallSpec();
  *spec.mutable_cell()->add_settings() = spec.cell().settings(0);
  EXPECT_EQ(engine::ReasonOf(FromWire(spec).status()), engine::kBadSpec);
}

TEST(Convert, DescribesEveryPartWithItsSettings) {
  Harness harness;
  const auto all = harness.runtime().DescribeParts({});
  ASSERT_TRUE(all.ok());
  EXPECT_GE(all->parts_size(), 9);
  v1::DescribePartsRequest request;
  request.set_kind("cell");
  const auto cells = harness.runtime().DescribeParts(request);
  ASSERT_GE(cells->parts_size(), 1);
  EXPECT_EQ(cells->parts(0).kind(), "cell");
  EXPECT_GE(cells->parts(0).settings_size(), 1);
}

TEST(Convert, JoinsTheRowsOfSlicesAndMarksStepsWithoutLoss) {
  v1::ObserveResult result;
  engine::Outcome outcome;
  outcome.first_seq = 5;
  outcome.steps = 2;
  outcome.outputs = {1, 2};
  AppendRows(outcome, &result);
  EXPECT_EQ(result.loss_size(), 0);
  outcome.first_seq = 7;
  outcome.steps = 1;
  outcome.outputs = {3};
  outcome.loss = {0.5f};
  AppendRows(outcome, &result);
  outcome.loss.clear();
  AppendRows(outcome, &result);
  EXPECT_EQ(result.first_seq(), 5u);
  EXPECT_EQ(result.steps(), 4u);
  ASSERT_EQ(result.loss_size(), 4);
  EXPECT_TRUE(std::isnan(result.loss(0)));
  EXPECT_EQ(result.loss(2), 0.5f);
  EXPECT_TRUE(std::isnan(result.loss(3)));
}

TEST(Convert, CarriesDiagnosticsAndAdvice) {
  engine::StreamStats stats;
  EXPECT_FALSE(ToWire(stats).has_diagnostics());
  stats.diagnostics = engine::Diagnostics{.samples = 7,
                                          .seq = 70,
                                          .gradient_norm = {0.5, 2},
                                          .gradient_ratio = 0.25,
                                          .self_propagation = -0.5,
                                          .absolute_self_propagation = 0.75,
                                          .sensitivity_norm = 3,
                                          .condition_number = 40,
                                          .effective_rank = 12,
                                          .exact_cosine = 0.625,
                                          .exact_norm_ratio = 0.875};
  stats.advice = {{"LOW_COSINE", "a sentence"}};
  const v1::StreamStats wire = ToWire(stats);
  const v1::Diagnostics& diagnostics = wire.diagnostics();
  EXPECT_EQ(diagnostics.samples(), 7u);
  EXPECT_EQ(diagnostics.seq(), 70u);
  ASSERT_EQ(diagnostics.gradient_norm_size(), 2);
  EXPECT_EQ(diagnostics.gradient_norm(1), 2);
  EXPECT_EQ(diagnostics.gradient_ratio(), 0.25);
  EXPECT_EQ(diagnostics.self_propagation(), -0.5);
  EXPECT_EQ(diagnostics.absolute_self_propagation(), 0.75);
  EXPECT_EQ(diagnostics.sensitivity_norm(), 3);
  EXPECT_EQ(diagnostics.condition_number(), 40);
  EXPECT_EQ(diagnostics.effective_rank(), 12u);
  EXPECT_EQ(diagnostics.exact_cosine(), 0.625);
  EXPECT_EQ(diagnostics.exact_norm_ratio(), 0.875);
  ASSERT_EQ(wire.advice_size(), 1);
  EXPECT_EQ(wire.advice(0).code(), "LOW_COSINE");
  EXPECT_EQ(wire.advice(0).sentence(), "a sentence");
}

TEST(Convert, LeavesOutTheDiagnosticsThatAreAbsent) {
  engine::StreamStats stats;
  stats.diagnostics = engine::Diagnostics{.samples = 1};
  const v1::StreamStats wire = ToWire(stats);
  ASSERT_TRUE(wire.has_diagnostics());
  EXPECT_FALSE(wire.diagnostics().has_gradient_ratio());
  EXPECT_FALSE(wire.diagnostics().has_condition_number());
  EXPECT_FALSE(wire.diagnostics().has_effective_rank());
  EXPECT_FALSE(wire.diagnostics().has_exact_cosine());
}

TEST(RpcStatus, CarriesReasonAndMetadata) {
  const google::rpc::Status status = ToRpcStatus(engine::Error(
      absl::StatusCode::kOutOfRange, engine::kSequenceGap, "a sentence", {{"expected_seq", "5"}}));
  EXPECT_EQ(status.code(), 11);
  EXPECT_EQ(status.message(), "a sentence");
  google::rpc::ErrorInfo cause;
  ASSERT_TRUE(status.details(0).UnpackTo(&cause));
  EXPECT_EQ(cause.reason(), "SEQUENCE_GAP");
  EXPECT_EQ(cause.domain(), "millrace");
  EXPECT_EQ(cause.metadata().at("expected_seq"), "5");
}

TEST(RpcStatus, CutsLongSentencesBetweenCharacters) {
  std::string sentence(2047, 'a');
  sentence += "\xc3\xa4";  // a character of two bytes across the limit
  EXPECT_EQ(ToRpcStatus(absl::InternalError(sentence)).message(), std::string(2047, 'a'));
  EXPECT_EQ(ToRpcStatus(absl::InternalError(std::string(2048, 'b'))).message().size(), 2048u);
}

}  // namespace
}  // namespace millrace::server
