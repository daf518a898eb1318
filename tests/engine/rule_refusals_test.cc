// Pairs of cell and rule that make no sense are refused with a reason and a way out.
#include <gtest/gtest.h>

#include <string>

#include "engine/errors.h"
#include "tests/engine/rule_history.h"

namespace millrace::engine::rule_testing {
namespace {

std::string Refusal(const PartSpec& cell, const PartSpec& rule) {
  const absl::Status status = CheckRule(Resolved("cell", cell), kInputs, Resolved("rule", rule));
  if (status.ok()) return "";
  EXPECT_EQ(ReasonOf(status), kBadSpec);
  return std::string(status.message());
}

TEST(RuleRefusalsTest, EveryPairOfCellAndRuleIsTakenOrRefusedWithAReason) {
  for (const PartSpec& cell : AllCells()) {
    for (const PartDescription& rule : DescribeRules()) {
      const std::string refusal = Refusal(cell, {rule.name, {}});
      if (refusal.empty()) {
        Taken(History(cell, 2), {rule.name, {}});
      } else {
        EXPECT_NE(refusal.find("use rule '"), std::string::npos) << refusal;
      }
    }
  }
}

TEST(RuleRefusalsTest, SparseLearningOfACellWithoutConnectionsIsRefused) {
  EXPECT_EQ(Refusal(CellOf("min_gru"), Sparse("ring", 2)),
            "rule 'sparse_rtrl' leaves out connections between units; cell 'min_gru' has none; use "
            "rule 'rtrl', exact there at the cost of a trace");
}

TEST(RuleRefusalsTest, NumbersOfSensitivitiesThatACellDoesNotHaveAreRefused) {
  const PartSpec rule{"rtrl", {{"sensitivities", std::string("bf16")}}};
  EXPECT_EQ(Refusal(CellOf("lstm"), rule), "");
  for (const char* const cell : {"min_gru", "lru", "retnet"}) {
    EXPECT_EQ(Refusal(CellOf(cell), rule),
              "setting 'sensitivities' of rule 'rtrl' is 'bf16'; expected 'full', since what it "
              "keeps of cell '" +
                  std::string(cell) + "' is no larger than the weights; leave it out");
  }
}

TEST(RuleRefusalsTest, MoreConnectionsThanThereAreOtherUnitsAreRefused) {
  EXPECT_EQ(Refusal(CellOf("vanilla"), Sparse("random", 5)), "");
  EXPECT_EQ(Refusal(CellOf("vanilla"), Sparse("random", 6)),
            "setting 'k' of rule 'sparse_rtrl' is 6; expected an integer from 0 to 5, the other "
            "units that a unit of cell 'vanilla' is connected with; lower k, or use rule 'rtrl'");
}

TEST(RuleRefusalsTest, BlocksThatDoNotDivideTheUnitsAreRefused) {
  for (const std::int64_t k : {0, 4, 12}) {
    EXPECT_EQ(Refusal(CellOf("vanilla"), Sparse("block", k)),
              "setting 'k' of rule 'sparse_rtrl' is " + std::to_string(k) +
                  "; expected a divisor of 6, the units that cell 'vanilla' connects, since mask "
                  "is 'block'; change k or the cell's units");
  }
}

TEST(RuleRefusalsTest, BlocksOfACellWhoseWeightsReachOtherUnitsAtOnceAreRefused) {
  const PartSpec cell = CellOf("gru", {{"reset", std::string("before")}});
  EXPECT_EQ(Refusal(cell, Sparse("block", 6)), "");
  EXPECT_EQ(Refusal(cell, Sparse("block", 3)),
            "setting 'mask' of rule 'sparse_rtrl' is 'block', which follows each unit's parameters "
            "within its block; those of cell 'gru' reach other units within one step; use another "
            "mask");
}

TEST(RuleRefusalsTest, KroneckerFactorsOfSeveralGatesAreRefused) {
  EXPECT_EQ(Refusal(CellOf("lstm"), {"kf_rtrl", {}}),
            "rule 'kf_rtrl' needs weights whose immediate derivatives are one Kronecker product of "
            "fan-in and slope; those of cell 'lstm' are not; use rule 'uoro', or 'sparse_rtrl' "
            "with mask 'block'");
  EXPECT_EQ(Refusal(CellOf("lru"), {"kf_rtrl", {}}),
            "rule 'kf_rtrl' needs weights whose immediate derivatives are one Kronecker product of "
            "fan-in and slope; those of cell 'lru' are not; use rule 'rtrl', exact there at the "
            "cost of a trace");
}

TEST(RuleRefusalsTest, SensitivitiesThatNoMachineHoldsAreRefused) {
  EXPECT_EQ(Refusal(CellOf("vanilla", {}, 1024), {"rtrl", {}}), "");
  EXPECT_EQ(Refusal(CellOf("vanilla", {}, 4096), {"rtrl", {}}),
            "rule 'rtrl' carries 68786585600 numbers a stream for cell 'vanilla' of this size; "
            "expected at most 4294967296; use rule 'sparse_rtrl' with mask 'block', or fewer "
            "units");
  EXPECT_EQ(Refusal(CellOf("vanilla", {}, 4096), Sparse("block", 64)), "");
}

}  // namespace
}  // namespace millrace::engine::rule_testing
