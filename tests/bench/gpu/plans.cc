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
constexpr std::int64_t kStaticBytes = 8560 + 1024;
constexpr std::int64_t kReserved = 10 << 10;  // kernels/cuda/backend.cu lends plans so much less
// 65 536 registers, 256 threads of at most 128.
constexpr std::int64_t kBlocksByRegisters = 2;

struct Planned {
  const char* cell;
  const char* rule;
  std::int64_t units, inputs;
};
constexpr Planned kPlanned[] = {
    {"vanilla", "immediate", 64, 40}, {"vanilla", "immediate", 256, 192},
    {"lstm", "immediate", 256, 192},  {"vanilla", "snap1", 256, 40},
    {"lru", "rtrl", 256, 40},         {"vanilla", "block4", 256, 40},
    {"vanilla", "ring4", 64, 40},     {"vanilla", "ring4", 256, 40},
    {"vanilla", "rtrl", 64, 40},      {"vanilla", "rtrl", 128, 40},
    {"vanilla", "rtrl", 256, 40},     {"lstm", "rtrl", 64, 40},
    {"vanilla", "rtrl", 1024, 40},
};

std::string Describe(const Planned& planned, const Card& card) {
  const PopulationShape shape{.cell = planned.cell,
                              .rule = planned.rule,
                              .units = planned.units,
                              .inputs = planned.inputs,
                              .outputs = 4};
  const engine::ModelSpec spec = ResolvedSpec(shape);
  const kernels::testing::HostBackend backend({.shared_bytes = card.of_a_block - kReserved},
                                              kernels::testing::HostBlock::Order::kRising);
  const engine::Network<float> network(spec, planned.inputs);
  const engine::DevicePlan<float> plan(spec, network, backend);
  const kernels::device::BlockPlan& blocks = plan.plan().blocks;
  const std::int64_t dynamic = plan.plan().shared_bytes;
  const std::int64_t by_shared = card.shared_bytes / (dynamic + kStaticBytes);
  return absl::StrFormat(
      "{\"card\": \"%s\", \"cell\": \"%s\", \"rule\": \"%s\", \"units\": %d, \"inputs\": %d, "
      "\"shared_bytes\": %d, \"tile_width\": %d, \"jacobian_columns\": %d, \"slot_bytes\": %d, "
      "\"blocks\": %d}",
      card.name, planned.cell, planned.rule, planned.units, planned.inputs, dynamic, blocks.width,
      blocks.depth, plan.layout().bytes, std::min(by_shared, kBlocksByRegisters));
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
