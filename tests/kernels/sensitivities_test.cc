// Sweeps of sensitivities: their definition bit by bit, on every instruction set and under a block
// of threads, in one piece of memory or beside others.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cpu/targets.h"
#include "kernels/ops.h"
#include "kernels/steps/block.h"
#include "kernels/steps/list.h"
#include "kernels/testing/host_block.h"
#include "tests/kernels/golden.h"
#include "tests/kernels/sensitivity_cases.h"

namespace millrace::kernels {
namespace {

using testing::HostBlock;

// Rounds a product and its sum once, or each.
template <typename T>
struct Rounding {
  bool fused;
  T operator()(T a, T b, T c) const {
    const T product = a * b;
    return fused ? std::fma(a, b, c) : product + c;
  }
};
template <typename T>
using Defined = DefinedSensitivities<T, Rounding<T>>;

template <typename T>
bool BeginsWith(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() >= b.size() && std::memcmp(a.data(), b.data(), b.size() * sizeof(T)) == 0;
}

template <typename T>
class SensitivityBits : public ::testing::Test {
 protected:
  // Runs the sweep of `of` and holds what it gives to the definition.
  template <typename Run>
  void Expect(const SensitivityCase& of, bool fused, const Run& run) {
    SensitivityArrays<T> arrays(of);
    const Defined<T> defined(arrays.sweep(), {fused});
    const std::vector<T> values = defined.Values();
    const std::vector<T> g = defined.Contracted(values);
    run(steps::AdvanceSensitivities<T>{arrays.sweep()});
    EXPECT_TRUE(BeginsWith(arrays.values(), values)) << of;
    EXPECT_TRUE(BeginsWith(arrays.g(), g)) << of;
    EXPECT_TRUE(arrays.TouchesNothingElse()) << of;
  }
  template <typename Target>
  void ExpectOn(cpu::Choice choice) {
    if (!cpu::Supports<Target>()) GTEST_SKIP() << "this processor has no " << cpu::NameOf(choice);
    for (const auto& cases : {AllSensitivityCases(), NarrowPairs()}) {
      for (const SensitivityCase& of : cases) {
        Expect(of, cpu::IsFused(choice), [](const auto& step) { cpu::RunStep<Target>(step); });
      }
    }
  }
  // Of all that the sweeps of all cases give.
  template <typename Target>
  std::uint64_t Digest() {
    std::uint64_t digest = 14695981039346656037u;  // FNV-1a
    for (const SensitivityCase& of : AllSensitivityCases()) {
      SensitivityArrays<T> arrays(of);
      cpu::RunStep<Target>(steps::AdvanceSensitivities<T>{arrays.sweep()});
      for (const std::vector<T>* array : {&arrays.values(), &arrays.g()}) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(array->data());
        for (std::size_t i = 0; i < array->size() * sizeof(T); ++i) {
          digest = (digest ^ bytes[i]) * 1099511628211u;
        }
      }
    }
    return digest;
  }
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SensitivityBits, Reals);

TYPED_TEST(SensitivityBits, AreTheDefinedBitsOnTheBaseline) {
  this->template ExpectOn<cpu::Baseline>(cpu::Choice::kBaseline);
}

TYPED_TEST(SensitivityBits, AreTheDefinedBitsWithAvx2) {
  this->template ExpectOn<cpu::Avx2>(cpu::Choice::kAvx2);
}

TYPED_TEST(SensitivityBits, AreTheDefinedBitsWithAvx512) {
  this->template ExpectOn<cpu::Avx512>(cpu::Choice::kAvx512);
}

TYPED_TEST(SensitivityBits, AreThoseOfTheReleasedRevision) {
  ASSERT_EQ(kGoldenRevision, kKernelRevision);
  const std::string name = std::string("AdvanceSensitivities") +
                           (sizeof(TypeParam) == sizeof(float) ? "Float" : "Double");
  const auto expect = [](const std::string& of, std::uint64_t digest) {
    EXPECT_EQ(GoldenDigest(of), digest)
        << of << " gives other bits than revision " << kGoldenRevision
        << " released: raise kKernelRevision in kernels/ops.h";
  };
  const bool fused = cpu::IsFused(cpu::Choice::kBaseline);
  expect(fused ? name + "Fused" : name, this->template Digest<cpu::Baseline>());
  if (cpu::Supports<cpu::Avx2>()) expect(name + "Fused", this->template Digest<cpu::Avx2>());
}

TYPED_TEST(SensitivityBits, AreTheDefinedBitsUnderABlockOfThreads) {
  for (const HostBlock::Order order : {HostBlock::Order::kRising, HostBlock::Order::kFalling}) {
    for (const SensitivityCase& of : AllSensitivityCases()) {
      this->Expect(of, false, [&](const auto& step) {
        HostBlock block(96, order);
        steps::BlockExecutor<HostBlock> exec(block);
        step.Run(exec);
      });
    }
  }
}

// The formula itself, without a promise on rounding.
TYPED_TEST(SensitivityBits, FollowTheFormula) {
  const double tolerance = sizeof(TypeParam) == sizeof(float) ? 1e-4 : 1e-13;
  const auto exact = [](TypeParam a, TypeParam b, TypeParam c) {
    return static_cast<TypeParam>(static_cast<long double>(a) * b + c);
  };
  for (const SensitivityCase& of : AllSensitivityCases()) {
    SensitivityArrays<TypeParam> arrays(of);
    const DefinedSensitivities<TypeParam, decltype(exact)> defined(arrays.sweep(), exact);
    const std::vector<TypeParam> values = defined.Values();
    AdvanceSensitivities(arrays.sweep());
    for (std::size_t k = 0; k < values.size(); ++k) {
      ASSERT_NEAR(arrays.values()[k], values[k], tolerance) << of;
    }
  }
}

TYPED_TEST(SensitivityBits, HaveTheSameBitsWithAndWithoutTheContraction) {
  for (const SensitivityCase& of : AllSensitivityCases()) {
    SensitivityArrays<TypeParam> together(of), apart(of);
    AdvanceSensitivities(together.sweep());
    AdvanceSensitivities(apart.sweep(false));
    ASSERT_TRUE(BeginsWith(apart.values(), together.values())) << of;
    ContractSensitivities(apart.shape(), apart.q().data(), apart.values().data(), apart.g().data());
    ASSERT_TRUE(BeginsWith(apart.g(), together.g())) << of;
  }
}

TYPED_TEST(SensitivityBits, TakeNothingFromAFanInOfZero) {
  for (SensitivityCase of : {Plain(20, 20, 20), Plain(48, 4, 48), Kept(40, 40, 5, true)}) {
    of.gates = {1};  // of which the fan-in is zero
    SensitivityArrays<TypeParam> arrays(of);
    for (TypeParam& slope : arrays.slopes()) {
      slope = std::numeric_limits<TypeParam>::quiet_NaN();
    }
    AdvanceSensitivities(arrays.sweep());
    for (const TypeParam value : arrays.values()) ASSERT_TRUE(std::isfinite(value)) << of;
  }
}

}  // namespace
}  // namespace millrace::kernels
