// FlushDenormals: what it does to results and operands, and that it leaves no trace.

#include <limits>
#include <thread>

#include "gtest/gtest.h"
#include "kernels/ops.h"

namespace millrace::kernels {
namespace {

// Half of the smallest normal number, by an instruction at run time.
float Halved() {
  volatile float smallest = std::numeric_limits<float>::min();
  return smallest * 0.5f;
}

// A denormal operand, made larger.
float GrownDenormal() {
  volatile float denormal = std::numeric_limits<float>::denorm_min();
  return denormal * 16777216.0f;
}

TEST(FlushDenormals, FlushesResultsAndOperandsWhileAliveAndRestores) {
  EXPECT_GT(Halved(), 0.0f);
  EXPECT_GT(GrownDenormal(), 0.0f);
  {
    const FlushDenormals flush;
    EXPECT_EQ(Halved(), 0.0f);
    EXPECT_EQ(GrownDenormal(), 0.0f);
    {
      const FlushDenormals nested;
      EXPECT_EQ(Halved(), 0.0f);
    }
    EXPECT_EQ(Halved(), 0.0f) << "the inner guard restores what the outer one had set";
  }
  EXPECT_GT(Halved(), 0.0f);
  EXPECT_GT(GrownDenormal(), 0.0f);
}

TEST(FlushDenormals, ConcernsItsOwnThreadOnly) {
  std::thread([] {
    const FlushDenormals flush;
    EXPECT_EQ(Halved(), 0.0f);
    std::thread([] { EXPECT_EQ(Halved(), 0.0f) << "a thread begins as its maker was"; }).join();
  }).join();
  std::thread([] { EXPECT_GT(Halved(), 0.0f); }).join();
  EXPECT_GT(Halved(), 0.0f);
}

}  // namespace
}  // namespace millrace::kernels
