// The steps under a block of threads, run on the host: the same bits as on the CPU, whatever the
// number of threads and the order in which they run within a phase.

#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cpu/targets.h"
#include "kernels/steps/block.h"
#include "kernels/testing/host_block.h"
#include "tests/kernels/cases.h"

namespace millrace::kernels {
namespace {

using testing::HostBlock;

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  // memcmp takes no null pointer, not even for nothing.
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <typename Step>
class UnderABlock : public ::testing::Test {};
TYPED_TEST_SUITE(UnderABlock, AllSteps, StepNames);

TYPED_TEST(UnderABlock, HasTheBitsOfTheCpuForAnyBlockSizeAndThreadOrder) {
  using Order = HostBlock::Order;
  for (const Shape& shape : AllShapes()) {
    Case<TypeParam> cpu(shape);
    cpu::RunStep<cpu::Baseline>(cpu.StepInPlace());
    for (const int threads : {1, 7, 32, 96, 128, 1024}) {
      for (const Order order : {Order::kRising, Order::kFalling, Order::kInterleaved}) {
        Case<TypeParam> device(shape);
        HostBlock block(threads, order);
        steps::BlockExecutor<HostBlock> exec(block);
        device.StepInPlace().Run(exec);
        ASSERT_TRUE(SameBits(cpu.memory(), device.memory()))
            << shape << " threads=" << threads << " order=" << static_cast<int>(order);
      }
    }
  }
}

TEST(HostBlockTest, AStepThatReadsItsNeighboursWritesIsShownByTheOrderOfThreads) {
  const auto run = [](HostBlock::Order order) {
    std::vector<int> x = {1, 2, 3, 4, 5, 6, 7, 8};
    HostBlock block(4, order);
    steps::BlockExecutor<HostBlock> exec(block);
    exec.For(7, [&](std::int64_t i) {
      x[static_cast<std::size_t>(i)] += x[static_cast<std::size_t>(i) + 1];
    });
    return x;
  };
  EXPECT_NE(run(HostBlock::Order::kRising), run(HostBlock::Order::kFalling));
}

TEST(HostBlockTest, AFiniteRangeIsToldFromOneWithABadElementAnywhere) {
  std::vector<float> x(200, 1.0f);
  HostBlock block(96);
  steps::BlockExecutor<HostBlock> exec(block);
  bool finite = false;
  steps::AllFinite<float>{x.data(), 200, &finite}.Run(exec);
  EXPECT_TRUE(finite);
  for (float& element : x) {
    element = -Real<float>::kInfinity;
    steps::AllFinite<float>{x.data(), 200, &finite}.Run(exec);
    EXPECT_FALSE(finite) << &element - x.data();
    element = 1.0f;
  }
}

}  // namespace
}  // namespace millrace::kernels
