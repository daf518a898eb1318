#include "engine/rules/list.h"

#include "absl/strings/str_format.h"
#include "engine/cells/list.h"
#include "engine/check.h"
#include "engine/errors.h"
#include "engine/rules/frozen.h"
#include "engine/rules/immediate.h"
#include "engine/rules/kf_rtrl.h"
#include "engine/rules/rflo.h"
#include "engine/rules/rtrl.h"
#include "engine/rules/snap1.h"
#include "engine/rules/sparse_rtrl.h"
#include "engine/rules/tbptt.h"
#include "engine/rules/uoro.h"

namespace millrace::engine {
namespace {

// Of a rule that follows each unit by itself.
absl::Status CheckUnitLocal(const PartSpec& cell, const Structure* structure,
                            const PartSpec& rule) {
  if (structure != nullptr && structure->unit_local()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("rule '%s' follows each unit's own parameters; those of cell '%s' "
                               "reach other units within one step; use rule 'immediate' or 'rtrl'",
                               rule.name, cell.name));
}

}  // namespace

std::vector<PartDescription> DescribeRules() {
  return {DescribeFrozen(), DescribeImmediate(), DescribeRflo(),
          DescribeSnap1(),  DescribeRtrl(),      DescribeSparseRtrl(),
          DescribeUoro(),   DescribeKfRtrl(),    DescribeTbptt()};
}

absl::Status CheckRule(const PartSpec& cell, std::int64_t inputs, const PartSpec& rule) {
  const std::unique_ptr<Cell<float>> made = MakeCell<float>(cell, inputs);
  const Structure* const structure = made->structure();
  if (rule.name == "immediate") return CheckImmediate(cell, structure, rule);
  if (rule.name == "rflo" || rule.name == "snap1") return CheckUnitLocal(cell, structure, rule);
  if (rule.name == "rtrl") return CheckRtrl(cell, structure, rule);
  if (rule.name == "sparse_rtrl") return CheckSparseRtrl(cell, structure, rule);
  if (rule.name == "kf_rtrl") return CheckKfRtrl(cell, structure);
  if (rule.name == "tbptt") return CheckTbptt(cell, made->step_shape(), rule);
  return absl::OkStatus();
}

template <typename T>
std::unique_ptr<Rule<T>> MakeRule(const PartSpec& part, const Cell<T>& cell, std::uint64_t seed) {
  if (part.name == "frozen") return std::make_unique<FrozenRule<T>>();
  if (part.name == "immediate") return std::make_unique<ImmediateRule<T>>(part, cell);
  if (part.name == "rflo") return std::make_unique<RfloRule<T>>(part, cell);
  if (part.name == "snap1") return std::make_unique<Snap1Rule<T>>(cell);
  if (part.name == "rtrl") return MakeRtrl<T>(part, cell);
  if (part.name == "sparse_rtrl") return std::make_unique<SparseRtrlRule<T>>(part, cell, seed);
  if (part.name == "uoro") return std::make_unique<UoroRule<T>>(cell, seed);
  if (part.name == "kf_rtrl") return std::make_unique<KfRtrlRule<T>>(cell, seed);
  MILLRACE_CHECK(part.name == "tbptt");
  return std::make_unique<TbpttRule<T>>(part, cell);
}

template std::unique_ptr<Rule<float>> MakeRule(const PartSpec&, const Cell<float>&, std::uint64_t);
template std::unique_ptr<Rule<double>> MakeRule(const PartSpec&, const Cell<double>&,
                                                std::uint64_t);

}  // namespace millrace::engine
