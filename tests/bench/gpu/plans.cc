#include "tests/bench/gpu/plans.h"

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/device/plan.h"
#include "engine/model.h"
#include "engine/network.h"
#include "kernels/testing/host_backend.h"
#include "tests/bench/gpu/population.h"

namespace millrace::bench {
namespace {

// Of a multiprocessor: shared memory, what one block may have of it, and what each block takes
// beside its own (1 KB, and the static part of ours).
struct Card {
  const char* name;
  std::int64_t shared_bytes, of_a_block;
};
constexpr Card kCards[] = {{"H100", 228 << 10, 227 << 10}, {"A100", 164 << 10, 163 << 10}};
constexpr std::int64_t kOfTheSystem = 1 << 10;
constexpr std::int64_t kStaticBytes = 8560 + kOfTheSystem;
constexpr std::int64_t kReserved = 10 << 10;  // kernels/cuda/backend.cu lends plans so much less
// 65 536 registers, 256 threads of at most 128.
constexpr std::int64_t kBlocksByRegisters = 2;

struct Planned {
  const char* cell;
  const char* rule;
  std::int64_t units, inputs;
  const char* sensitivities = "full";
};
constexpr Planned kPlanned[] = {
    {"vanilla", "immediate", 64, 40},
    {"vanilla", "immediate", 128, 40},
    {"vanilla", "immediate", 256, 192},
    {"lstm", "immediate", 64, 40},
    {"lstm", "immediate", 256, 192},
    {"vanilla", "snap1", 64, 40},
    {"vanilla", "snap1", 128, 40},
    {"vanilla", "snap1", 256, 40},
    {"lru", "rtrl", 64, 40},
    {"lru", "rtrl", 256, 40},
    {"vanilla", "rtrl", 16, 40},
    {"vanilla", "block4", 64, 40},
    {"vanilla", "block4", 256, 40},
    {"vanilla", "ring4", 64, 40},
    {"vanilla", "ring4", 256, 40},
    {"vanilla", "rtrl", 64, 40},
    {"vanilla", "rtrl", 128, 40},
    {"vanilla", "rtrl", 256, 40},
    {"lstm", "rtrl", 64, 40},
    {"vanilla", "rtrl", 1024, 40},
    {"vanilla", "rtrl", 64, 40, "tf32x3"},
    {"vanilla", "rtrl", 128, 40, "tf32x3"},
    {"vanilla", "rtrl", 256, 40, "tf32x3"},
    {"lstm", "rtrl", 64, 40, "tf32x3"},
    {"vanilla", "rtrl", 1024, 40, "tf32x3"},
    {"vanilla", "rtrl", 256, 40, "bf16"},
    {"vanilla", "rtrl", 1024, 40, "bf16"},
};

// Names of the arrays that stay in shared memory over the rows of a message.
std::string Names(const kernels::device::Residency& of) {
  std::string names;
  const auto add = [&names](const char* name, const kernels::device::Resident& array) {
    if (array.at >= 0) absl::StrAppend(&names, names.empty() ? "" : ", ", "\"", name, "\"");
  };
  add("weights", of.theta);
  add("slot1", of.slot1);
  add("slot2", of.slot2);
  add("power1", of.power1);
  add("power2", of.power2);
  add("hidden", of.hidden);
  add("predicted", of.predicted);
  add("carried", of.rule);
  add("gradient", of.gradient);
  add("jacobian", of.jacobian);
  add("reach", of.reach);
  add("updates", of.updates);
  return names;
}

std::int64_t BlocksOf(const Card& card, std::int64_t dynamic_bytes) {
  return std::min(card.shared_bytes / (dynamic_bytes + kStaticBytes), kBlocksByRegisters);
}

std::string Describe(const Planned& planned, const Card& card) {
  const PopulationShape shape{.cell = planned.cell,
                              .rule = planned.rule,
                              .sensitivities = planned.sensitivities,
                              .units = planned.units,
                              .inputs = planned.inputs,
                              .outputs = 4};
  const engine::ModelSpec spec = ResolvedSpec(shape);
  const kernels::testing::HostBackend backend(
      {.shared_bytes = card.of_a_block - kReserved,
       .paired_shared_bytes = card.shared_bytes / 2 - kOfTheSystem - kReserved},
      kernels::testing::HostBlock::Order::kRising);
  const engine::Network<float> network(spec, planned.inputs);
  const engine::DevicePlan<float> plan(spec, network, backend);
  const kernels::device::BlockPlan& blocks = plan.plan().blocks;
  const std::int64_t dynamic = plan.plan().shared_bytes;
  const kernels::device::Residency& residency = plan.plan().residency;
  const std::int64_t with_residency = std::max(dynamic, residency.shared_bytes);
  return absl::StrFormat(
      "{\"card\": \"%s\", \"cell\": \"%s\", \"rule\": \"%s\", \"sensitivities\": \"%s\", "
      "\"matrix_units\": %s, \"units\": %d, \"inputs\": %d, "
      "\"shared_bytes\": %d, \"tile_width\": %d, \"jacobian_columns\": %d, \"slot_bytes\": %d, "
      "\"blocks\": %d, \"resident\": [%s], \"resident_shared_bytes\": %d, "
      "\"resident_blocks\": %d}",
      card.name, planned.cell, planned.rule, planned.sensitivities,
      blocks.tensor ? "true" : "false", planned.units, planned.inputs, dynamic, blocks.width,
      blocks.depth, plan.layout().bytes, BlocksOf(card, dynamic), Names(residency), with_residency,
      BlocksOf(card, with_residency));
}

}  // namespace

std::string DescribePlans() {
  std::string text;
  for (const Planned& planned : kPlanned) {
    for (const Card& card : kCards) {
      absl::StrAppend(&text, text.empty() ? "" : ",\n    ", Describe(planned, card));
    }
  }
  return text;
}

}  // namespace millrace::bench
