// Apply allocates nothing after warm-up. In a program of its own, since it replaces the global
// operator new by one that counts.
#include <cstdlib>
#include <new>

#include "gtest/gtest.h"
#include "tests/conformance/playing.h"

namespace {

// Of this thread, while it is asked for.
thread_local bool counting = false;
thread_local long allocations = 0;

void* Allocate(std::size_t size) {
  if (counting) ++allocations;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace millrace::conformance {
namespace {

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
    counting = true;
    stream->Apply(event, want, &outcome);
    counting = false;
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
  counting = true;
  delete new int(1);
  std::vector<int> values(100);
  counting = false;
  EXPECT_GE(allocations, 1);
  EXPECT_EQ(values.size(), 100U);
}

}  // namespace
}  // namespace millrace::conformance
