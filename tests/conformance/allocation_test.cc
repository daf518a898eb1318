// Apply allocates nothing after warm-up. In a program of its own, since it replaces the global
// operator new by one that counts.
#include "gtest/gtest.h"
#include "tests/conformance/playing.h"
#include "tests/support/allocations.h"

namespace millrace::conformance {
namespace {

using testing_support::allocations;
using testing_support::counting_allocations;

constexpr int kWarmUp = 105;
constexpr int kSteps = 210;

// Allocations of Apply in the second half of a series that was played once in the same messages.
long AllocationsOf(const Combination& combination, const engine::Want& want) {
  const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
  const std::unique_ptr<engine::Stream> stream = OpenStream(model);
  const Script script = MakeScript(*model, 13, kSteps);
  Player player(&script, stream.get());
  engine::Outcome outcome;
  player.set_send([&](const engine::Event& event) {
    ASSERT_TRUE(stream->Check(event).ok()) << stream->Check(event);
    counting_allocations = true;
    stream->Apply(event, want, &outcome);
    counting_allocations = false;
  });
  PlayOnStream(*model, 0, kWarmUp, 0, &player);
  allocations = 0;
  PlayOnStream(*model, kWarmUp, kSteps, 0, &player);
  player.Settle();
  return allocations;
}

TEST(Allocation, ApplyAllocatesNothingAfterWarmUp) {
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    EXPECT_EQ(AllocationsOf(combination, engine::Want{}), 0);
    EXPECT_EQ(AllocationsOf(combination, engine::Want{true, true, true, true}), 0);
  }
}

TEST(Allocation, TheCounterCounts) {
  allocations = 0;
  counting_allocations = true;
  delete new int(1);
  std::vector<int> values(100);
  counting_allocations = false;
  EXPECT_GE(allocations, 1);
  EXPECT_EQ(values.size(), 100U);
}

}  // namespace
}  // namespace millrace::conformance
