// The steps of kernels/steps/units.h: units side by side are units by themselves, whatever their
// number, the instruction set and the block of threads.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cpu/targets.h"
#include "kernels/steps/block.h"
#include "kernels/steps/list.h"
#include "kernels/testing/host_block.h"

namespace millrace::kernels {
namespace {

// Rows [n] that a step reads and writes.
struct Rows {
  int gates, states, carries, slopes;
};

constexpr int kS4dStates = 3;

template <typename T, typename Unit>
Rows RowsOf(const steps::Units<T, Unit>*) {
  return {Unit::kGates, Unit::kComponents + Unit::kAuxiliary, kCarries<Unit>, kSlopes<Unit>};
}
template <typename T>
Rows RowsOf(const steps::S4dUnits<T>*) {
  return {3 + 4 * kS4dStates, 1 + 2 * kS4dStates, 6 * kS4dStates, 3 + 12 * kS4dStates};
}
template <typename T>
Rows RowsOf(const steps::Modulate<T>*) {
  return {1, 1, 1, 1};
}

template <typename T, typename Unit>
void Bind(const UnitArrays<T>& arrays, steps::Units<T, Unit>* step) {
  *step = {{}, arrays};
}
template <typename T>
void Bind(const UnitArrays<T>& arrays, steps::S4dUnits<T>* step) {
  *step = {kS4dStates, arrays};
}
template <typename T>
void Bind(const UnitArrays<T>& arrays, steps::Modulate<T>* step) {
  *step = {arrays.preactivation, arrays.previous, arrays.n,
           arrays.state,         arrays.carry,    arrays.slope};
}

template <typename Step>
struct RealOf;
template <typename T, typename Unit>
struct RealOf<steps::Units<T, Unit>> {
  using Type = T;
};
template <typename T>
struct RealOf<steps::S4dUnits<T>> {
  using Type = T;
};
template <typename T>
struct RealOf<steps::Modulate<T>> {
  using Type = T;
};

// A step on n units of its own: the first n of an endless row of pseudo-random ones.
template <typename Step>
class Arrays {
 public:
  using T = typename RealOf<Step>::Type;

  explicit Arrays(std::int64_t n)
      : n_(n),
        preactivation_(Size(rows().gates)),
        previous_(Size(rows().states)),
        state_(Size(rows().states), kUntouched),
        carry_(Size(rows().carries), kUntouched),
        slope_(Size(rows().slopes), kUntouched) {
    Fill(rows().gates, 6, &preactivation_);
    Fill(rows().states, 2, &previous_);
  }

  static Rows rows() { return RowsOf(static_cast<const Step*>(nullptr)); }
  Step step() {
    Step step;
    Bind({n_, preactivation_.data(), previous_.data(), state_.data(), carry_.data(), slope_.data()},
         &step);
    return step;
  }
  // All results of unit i.
  std::vector<T> Unit(std::int64_t i) const {
    std::vector<T> results;
    for (const auto* row : {&state_, &carry_, &slope_}) {
      for (std::size_t at = static_cast<std::size_t>(i); at + kGuard < row->size();
           at += static_cast<std::size_t>(n_)) {
        results.push_back((*row)[at]);
      }
    }
    return results;
  }
  // All results, and what follows them in memory.
  std::vector<T> All() const {
    std::vector<T> all = state_;
    all.insert(all.end(), carry_.begin(), carry_.end());
    all.insert(all.end(), slope_.begin(), slope_.end());
    return all;
  }
  bool TouchesNothingElse() const {
    for (const auto* row : {&state_, &carry_, &slope_}) {
      for (std::size_t k = row->size() - kGuard; k < row->size(); ++k) {
        if ((*row)[k] != kUntouched) return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 4;
  static constexpr T kUntouched = T(-77);

  std::size_t Size(int count) const { return static_cast<std::size_t>(count * n_) + kGuard; }
  void Fill(int count, double largest, std::vector<T>* to) {
    for (std::int64_t i = 0; i < n_; ++i) {
      std::mt19937_64 random(static_cast<std::uint64_t>(i + 1));
      std::uniform_real_distribution<double> uniform(-largest, largest);
      for (int k = 0; k < count; ++k) {
        (*to)[static_cast<std::size_t>(k * n_ + i)] = static_cast<T>(uniform(random));
      }
    }
  }

  std::int64_t n_;
  std::vector<T> preactivation_, previous_, state_, carry_, slope_;
};

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <typename First, typename... Rest>
using TypesAfter = ::testing::Types<Rest...>;
#define MILLRACE_BOTH_TYPES(Name) , steps::Name<float>, steps::Name<double>
using AllUnits = TypesAfter<void MILLRACE_FOR_EACH_UNITS(MILLRACE_BOTH_TYPES)>;
#undef MILLRACE_BOTH_TYPES

template <typename Step>
class UnitsSideBySide : public ::testing::Test {};
TYPED_TEST_SUITE(UnitsSideBySide, AllUnits);

TYPED_TEST(UnitsSideBySide, HaveTheBitsOfUnitsByThemselves) {
  for (const std::int64_t n : {1, 3, 15, 16, 17, 33, 100}) {
    Arrays<TypeParam> together(n);
    cpu::RunStep<cpu::Baseline>(together.step());
    ASSERT_TRUE(together.TouchesNothingElse()) << "n=" << n;
    Arrays<TypeParam> last(1);
    cpu::RunStep<cpu::Baseline>(last.step());
    ASSERT_TRUE(SameBits(together.Unit(0), last.Unit(0))) << "n=" << n;
    Arrays<TypeParam> fewer(n / 2 + 1);
    cpu::RunStep<cpu::Baseline>(fewer.step());
    for (std::int64_t i = 0; i <= n / 2; ++i) {
      ASSERT_TRUE(SameBits(together.Unit(i), fewer.Unit(i))) << "n=" << n << " unit " << i;
    }
  }
}

template <typename Narrow, typename Wide, typename Step>
void ExpectSameBits() {
  for (const std::int64_t n : {1, 7, 16, 31, 64, 100}) {
    Arrays<Step> narrow(n);
    Arrays<Step> wide(n);
    cpu::RunStep<Narrow>(narrow.step());
    cpu::RunStep<Wide>(wide.step());
    ASSERT_TRUE(SameBits(narrow.All(), wide.All())) << "n=" << n;
  }
}

TYPED_TEST(UnitsSideBySide, HaveTheSameBitsOnEveryInstructionSet) {
  if (!cpu::Supports<cpu::Avx512>()) GTEST_SKIP() << "this processor has no AVX-512";
  ExpectSameBits<cpu::Avx2, cpu::Avx512, TypeParam>();
}

TYPED_TEST(UnitsSideBySide, HaveTheBitsOfTheCpuUnderABlockOfThreads) {
  using testing::HostBlock;
  for (const std::int64_t n : {1, 16, 100}) {
    Arrays<TypeParam> cpu(n);
    cpu::RunStep<cpu::Baseline>(cpu.step());
    for (const int threads : {1, 32, 96}) {
      Arrays<TypeParam> device(n);
      HostBlock block(threads, HostBlock::Order::kFalling);
      steps::BlockExecutor<HostBlock> exec(block);
      device.step().Run(exec);
      ASSERT_TRUE(SameBits(cpu.All(), device.All())) << "n=" << n << " threads=" << threads;
    }
  }
}

}  // namespace
}  // namespace millrace::kernels
