// Specifications that make no sense are refused with BAD_SPEC, what is not carried out by name.
#include "engine/errors.h"
#include "gtest/gtest.h"
#include "tests/conformance/combinations.h"

namespace millrace::conformance {
namespace {

using absl::StatusCode;
using engine::ModelSpec;

TEST(ModelRefusal, OfModelsThatMakeNoSense) {
  const auto reason = [](const ModelSpec& spec) {
    return engine::ReasonOf(engine::Model::Create("m", spec).status());
  };
  ModelSpec spec = BaseSpec();
  spec.cell.name = "vanila";
  EXPECT_EQ(reason(spec), engine::kBadSpec);
  spec = BaseSpec();
  spec.cell.settings["unit"] = std::int64_t{3};
  EXPECT_EQ(reason(spec), engine::kBadSpec);
  spec = BaseSpec();
  spec.cell.settings["units"] = std::int64_t{0};
  EXPECT_EQ(reason(spec), engine::kBadSpec);
  spec = BaseSpec();
  spec.cell.settings.erase("units");
  EXPECT_EQ(reason(spec), engine::kBadSpec);
  spec = BaseSpec();
  spec.optimizer.settings["rate"] = std::string("fast");
  EXPECT_EQ(reason(spec), engine::kBadSpec);
  spec = BaseSpec();
  spec.target = {"next_input", {}};
  EXPECT_EQ(reason(spec), engine::kBadSpec) << "3 outputs for 4 inputs";
  spec = BaseSpec();
  spec.weight_sharing = engine::WeightSharing::kShared;
  EXPECT_EQ(engine::Model::Create("m", spec).status().code(), StatusCode::kUnimplemented);
  spec = BaseSpec();
  spec.device = engine::Device::kCuda;
  EXPECT_EQ(reason(spec), engine::kNotCarriedOut);
}

}  // namespace
}  // namespace millrace::conformance
