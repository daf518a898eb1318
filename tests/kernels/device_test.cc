// The CUDA entry points: on a card, the bits of the CPU; without one, or without CUDA in the build,
// an outcome that says so.

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cuda/batch.h"
#include "kernels/cuda/device.h"
#include "tests/kernels/cases.h"

namespace millrace::kernels {
namespace {

using cuda::Outcome;

// Device memory with a copy of host values.
template <typename T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& host) : bytes_(Bytes(host)) {
    void* memory = nullptr;
    outcome_ = cuda::Allocate(bytes_, &memory);
    values_ = static_cast<T*>(memory);
    if (outcome_.ok()) outcome_ = cuda::CopyToDevice(host.data(), bytes_, nullptr, values_);
  }
  ~OnDevice() { static_cast<void>(cuda::Free(values_)); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  T* values() { return values_; }
  const Outcome& outcome() const { return outcome_; }
  Outcome CopyTo(std::vector<T>& host) {
    const Outcome outcome = cuda::CopyToHost(values_, bytes_, nullptr, host.data());
    return outcome.ok() ? cuda::Wait(nullptr) : outcome;
  }

 private:
  static std::int64_t Bytes(const std::vector<T>& host) {
    return static_cast<std::int64_t>(host.size() * sizeof(T));
  }

  std::int64_t bytes_;
  T* values_ = nullptr;
  Outcome outcome_;
};

int Devices() {
  int count = 0;
  const Outcome outcome = cuda::CountDevices(&count);
  return outcome.ok() ? count : 0;
}

template <typename Step>
class OnTheCard : public ::testing::Test {};
TYPED_TEST_SUITE(OnTheCard, AllSteps, StepNames);

TYPED_TEST(OnTheCard, ABatchOfTwoStreamsHasTheBitsOfTheCpu) {
  if (Devices() == 0) GTEST_SKIP() << "no CUDA device, or CUDA was not built";
  using T = typename Case<TypeParam>::T;
  for (const Shape& shape : AllShapes()) {
    SCOPED_TRACE(::testing::Message() << shape);
    Case<TypeParam> first(shape);
    Case<TypeParam> second({shape.k, shape.n, 5});
    OnDevice<T> first_memory(first.memory());
    OnDevice<T> second_memory(second.memory());
    OnDevice<TypeParam> batch(std::vector<TypeParam>{first.StepIn(first_memory.values()),
                                                     second.StepIn(second_memory.values())});
    ASSERT_TRUE(batch.outcome().ok()) << batch.outcome().sentence;
    const Outcome launched = cuda::RunBatch(batch.values(), 2, nullptr);
    ASSERT_TRUE(launched.ok()) << launched.sentence;
    for (const auto& [memory, test] :
         {std::pair(&first_memory, &first), std::pair(&second_memory, &second)}) {
      std::vector<T> got = test->memory();
      const Outcome copied = memory->CopyTo(got);
      ASSERT_TRUE(copied.ok()) << copied.sentence;
      RunOnCpu(test->StepInPlace());
      EXPECT_EQ(std::memcmp(got.data(), test->memory().data(), got.size() * sizeof(T)), 0);
    }
  }
}

TEST(Device, WithoutACardEveryCallSaysWhyAndNothingIsDone) {
  if (Devices() > 0) GTEST_SKIP() << "there is a CUDA device";
  int count = -1;
  const Outcome counted = cuda::CountDevices(&count);
  EXPECT_FALSE(counted.ok());
  EXPECT_EQ(count, 0);
  void* memory = nullptr;
  const Outcome allocated = cuda::Allocate(16, &memory);
  EXPECT_FALSE(allocated.ok());
  EXPECT_EQ(memory, nullptr);
  const Outcome launched = cuda::RunBatch<steps::MatVec<float>>(nullptr, 1, nullptr);
  EXPECT_FALSE(launched.ok());
  for (const Outcome& outcome : {counted, allocated, launched}) {
    if (outcome.code == Outcome::Code::kNotBuilt) {
      EXPECT_EQ(outcome.sentence, "CUDA kernels were not built: configure with -DMILLRACE_CUDA=ON");
    } else {
      EXPECT_EQ(outcome.sentence.find("kernels/cuda/"), 0u) << outcome.sentence;
    }
  }
}

}  // namespace
}  // namespace millrace::kernels
