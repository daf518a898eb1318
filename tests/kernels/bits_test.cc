// The promises resume and replay rest on: which bits an operation gives depends on its arguments
// and on kKernelRevision, on nothing else.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cpu/targets.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/real.h"
#include "kernels/math/sigmoid.h"
#include "kernels/ops.h"
#include "tests/kernels/cases.h"
#include "tests/kernels/golden.h"

namespace millrace::kernels {
namespace {

template <typename T>
bool SameBits(const T* a, const T* b, std::int64_t n) {
  // memcmp takes no null pointer, not even for nothing.
  return n == 0 || std::memcmp(a, b, static_cast<std::size_t>(n) * sizeof(T)) == 0;
}

// FNV-1a over bytes.
class Fnv {
 public:
  void Add(const void* memory, std::size_t count) {
    const auto* bytes = static_cast<const unsigned char*>(memory);
    for (std::size_t i = 0; i < count; ++i) digest_ = (digest_ ^ bytes[i]) * 1099511628211u;
  }
  std::uint64_t digest() const { return digest_; }

 private:
  std::uint64_t digest_ = 14695981039346656037u;
};

// Of everything a step could have written on a target, for all shapes.
template <typename Target, typename Step>
std::uint64_t Digest() {
  Fnv fnv;
  for (const Shape& shape : AllShapes()) {
    Case<Step> test(shape);
    cpu::RunStep<Target>(test.StepInPlace());
    fnv.Add(test.memory().data(), test.memory().size() * sizeof(typename Case<Step>::T));
  }
  return fnv.digest();
}

// Of a scalar function over numbers of all exponents and signs; NaN results are left out, since
// their payload is nobody's promise.
template <typename T, typename Function>
std::uint64_t DigestOf(const Function& function) {
  using Pattern = typename Real<T>::Bits;
  Fnv fnv;
  const Pattern count = 1000003;
  for (Pattern i = 0; i < count; ++i) {
    const T value = function(FromBits<T>(i * (~Pattern(0) / count)));
    if (value == value) fnv.Add(&value, sizeof(value));
  }
  return fnv.digest();
}

template <typename Function>
void ExpectReleasedBits(const std::string& name, const Function& function) {
  EXPECT_EQ(GoldenDigest(name + "Float"), DigestOf<float>(function)) << name;
  EXPECT_EQ(GoldenDigest(name + "Double"), DigestOf<double>(function)) << name;
}

TEST(ScalarBits, AreThoseOfTheReleasedRevision) {
  ExpectReleasedBits("Exp", [](auto x) { return Exp(x); });
  ExpectReleasedBits("Log", [](auto x) { return Log(x); });
  ExpectReleasedBits("Tanh", [](auto x) { return Tanh(x); });
  ExpectReleasedBits("Sigmoid", [](auto x) { return Sigmoid(x); });
}

template <typename Step>
class Bits : public ::testing::Test {};
TYPED_TEST_SUITE(Bits, AllSteps, StepNames);

TYPED_TEST(Bits, AreThoseOfTheReleasedRevision) {
  ASSERT_EQ(kGoldenRevision, kKernelRevision)
      << "the kernels have a new revision: record the digests below in tests/kernels/golden.h";
  const std::string name = StepNames::GetName<TypeParam>(0);
  const auto expect = [&](const std::string& of, std::uint64_t digest) {
    EXPECT_EQ(GoldenDigest(of), digest)
        << of << " gives other bits than revision " << kGoldenRevision
        << " released: raise kKernelRevision in kernels/ops.h";
  };
  const bool fused = cpu::IsFused(cpu::Choice::kBaseline);
  expect(fused ? name + "Fused" : name, (Digest<cpu::Baseline, TypeParam>()));
  if (cpu::Supports<cpu::Avx2>()) expect(name + "Fused", (Digest<cpu::Avx2, TypeParam>()));
}

TYPED_TEST(Bits, AreTheSameOnEveryInstructionSetWithFma) {
  if (!cpu::Supports<cpu::Avx512>()) GTEST_SKIP() << "this processor has no AVX-512";
  for (const Shape& shape : AllShapes()) {
    Case<TypeParam> avx2(shape);
    Case<TypeParam> avx512(shape);
    cpu::RunStep<cpu::Avx2>(avx2.StepInPlace());
    cpu::RunStep<cpu::Avx512>(avx512.StepInPlace());
    const auto count = static_cast<std::int64_t>(avx2.memory().size());
    ASSERT_TRUE(SameBits(avx2.memory().data(), avx512.memory().data(), count)) << shape;
  }
}

// The same arrays, every one shifted by 0 to 4 elements against its neighbours.
TYPED_TEST(Bits, DoNotDependOnWhereTheArraysLie) {
  using T = typename Case<TypeParam>::T;
  for (const Shape& shape : AllShapes()) {
    Case<TypeParam> reference({shape.k, shape.n, 0});
    RunOnCpu(reference.StepInPlace());
    for (const std::int64_t offset : {1, 2, 3, 5}) {
      Case<TypeParam> test({shape.k, shape.n, 0});
      const std::size_t count = test.memory().size();
      std::vector<T> shifted(count + 8);
      std::copy(test.memory().begin(), test.memory().end(), shifted.begin() + offset);
      RunOnCpu(test.StepIn(shifted.data() + offset));
      ASSERT_TRUE(SameBits(shifted.data() + offset, reference.memory().data(),
                           static_cast<std::int64_t>(count)))
          << shape << " offset=" << offset;
    }
  }
}

// a * b + c as the operations of this process round it.
template <typename T>
T MulAddAsOps(T a, T b, T c) {
  const T product = a * b;
  return Fused() ? std::fma(a, b, c) : product + c;
}

template <typename T>
class SumOrder : public ::testing::Test {
 protected:
  // n values of both signs over several binades, so that every order of a sum rounds differently.
  std::vector<T> Values(std::int64_t n, std::uint64_t seed) {
    std::vector<T> values(static_cast<std::size_t>(n));
    for (T& value : values) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      value = static_cast<T>((static_cast<double>(seed >> 40) / 16777216.0 - 0.5) *
                             static_cast<double>(1 + ((seed >> 33) & 63)));
    }
    return values;
  }
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SumOrder, Reals);

// The definition, written out.
template <typename T>
T SumOf16Lanes(const T* x, const T* y, std::int64_t n) {
  T lanes[16] = {};
  for (std::int64_t i = 0; i < n; ++i) lanes[i % 16] = MulAddAsOps(x[i], y[i], lanes[i % 16]);
  for (int width = 8; width >= 1; width /= 2) {
    for (int l = 0; l < width; ++l) lanes[l] += lanes[l + width];
  }
  return lanes[0];
}

TYPED_TEST(SumOrder, ContiguousSumsRunOver16Lanes) {
  for (const std::int64_t n : {1, 15, 16, 17, 64, 100, 257}) {
    const std::int64_t k = 9;
    const std::vector<TypeParam> matrix_t = this->Values(k * n, 1);
    const std::vector<TypeParam> y = this->Values(n, 2);
    std::vector<TypeParam> out(k);
    TransposedMatVec(matrix_t.data(), y.data(), k, n, out.data());
    for (std::int64_t j = 0; j < k; ++j) {
      const TypeParam* row = matrix_t.data() + j * n;
      const TypeParam wanted = SumOf16Lanes(row, y.data(), n);
      EXPECT_TRUE(SameBits(&out[static_cast<std::size_t>(j)], &wanted, 1)) << "n=" << n;
      const TypeParam dot = Dot(row, y.data(), n);
      EXPECT_TRUE(SameBits(&dot, &wanted, 1)) << "n=" << n;
    }
    const TypeParam squares = SumSquares(y.data(), n);
    const TypeParam wanted = SumOf16Lanes(y.data(), y.data(), n);
    EXPECT_TRUE(SameBits(&squares, &wanted, 1)) << "n=" << n;
  }
}

TYPED_TEST(SumOrder, AMapAddsItsInputsInRisingOrder) {
  for (const std::int64_t n : {1, 3, 4, 31, 32, 33, 100}) {
    const std::int64_t k = 86;
    const std::vector<TypeParam> matrix_t = this->Values(k * n, 3);
    const std::vector<TypeParam> x = this->Values(k, 4);
    std::vector<TypeParam> out(static_cast<std::size_t>(n));
    std::vector<TypeParam> wanted(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
      TypeParam& sum = wanted[static_cast<std::size_t>(i)];
      for (std::int64_t j = 0; j < k; ++j) {
        const auto at = static_cast<std::size_t>(j * n + i);
        sum = MulAddAsOps(matrix_t[at], x[static_cast<std::size_t>(j)], sum);
      }
    }
    MatVec(matrix_t.data(), x.data(), k, n, out.data());
    EXPECT_TRUE(SameBits(out.data(), wanted.data(), n)) << "n=" << n;
    // Two maps one after the other are one map over both inputs.
    const std::int64_t half = k / 2;
    MatVec(matrix_t.data(), x.data(), half, n, out.data());
    AddMatVec(matrix_t.data() + half * n, x.data() + half, k - half, n, out.data());
    EXPECT_TRUE(SameBits(out.data(), wanted.data(), n)) << "n=" << n;
  }
}

// A unit's result is the same with fewer or more units beside it.
TYPED_TEST(SumOrder, PaddingTheUnitsChangesNoUnit) {
  const std::int64_t k = 20;
  const std::vector<TypeParam> wide = this->Values(k * 40, 5);
  const std::vector<TypeParam> x = this->Values(k, 6);
  std::vector<TypeParam> wide_out(40);
  MatVec(wide.data(), x.data(), k, 40, wide_out.data());
  for (std::int64_t n = 1; n < 40; ++n) {
    std::vector<TypeParam> narrow;
    for (std::int64_t j = 0; j < k; ++j) {
      narrow.insert(narrow.end(), wide.begin() + j * 40, wide.begin() + j * 40 + n);
    }
    std::vector<TypeParam> out(static_cast<std::size_t>(n));
    MatVec(narrow.data(), x.data(), k, n, out.data());
    EXPECT_TRUE(SameBits(out.data(), wide_out.data(), n)) << "n=" << n;
    // So is an element of an element-wise map, in a vector or in its remainder.
    std::vector<TypeParam> h(40), slope(40), alone_h(40), alone_slope(40);
    LeakyTanh(wide.data(), wide_out.data(), TypeParam(0.5), 40, h.data(), slope.data());
    LeakyTanh(wide.data(), wide_out.data(), TypeParam(0.5), n, alone_h.data(), alone_slope.data());
    EXPECT_TRUE(SameBits(alone_h.data(), h.data(), n)) << "n=" << n;
    EXPECT_TRUE(SameBits(alone_slope.data(), slope.data(), n)) << "n=" << n;
  }
}

}  // namespace
}  // namespace millrace::kernels
