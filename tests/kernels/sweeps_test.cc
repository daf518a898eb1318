// The traces of kernels/traces.h: against their definition in long double, and the same bits in the
// vector loops of every instruction set, in plain order and under a block of threads.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/cpu/targets.h"
#include "kernels/ops.h"
#include "kernels/steps/block.h"
#include "kernels/steps/list.h"
#include "kernels/testing/host_block.h"
#include "kernels/traces.h"

namespace millrace::kernels {
namespace {

// Which traces there are: of each, those it takes from, and whether it is an output.
struct Kind {
  const char* name;
  std::vector<std::vector<int>> sources;
  std::vector<bool> output;
};

std::vector<Kind> AllKinds() {
  return {{"Alone", {{0}}, {true}},
          {"WithoutPast", {{}}, {true}},
          {"NoOutput", {{0}}, {false}},
          {"ACellAndItsOutput", {{0}, {0}}, {false, true}},
          {"ACellAndAnOutputWithAPast", {{0}, {0, 1}}, {false, true}},
          {"AComplexNumber", {{0, 1}, {0, 1}}, {true, true}},
          {"ACellThatIsSeenToo", {{0}, {0}}, {true, true}},
          {"OutputFirst", {{0, 1}, {0, 1}}, {true, false}},
          {"SumsAndTheirMean", {{0}, {1}, {0, 1}}, {false, false, true}},
          {"TwoRotationsReadTogether",
           {{0, 1}, {0, 1}, {2, 3}, {2, 3}, {0, 1, 2, 3}},
           {false, false, false, false, true}}};
}

struct Shape {
  std::int64_t rows, n;
  std::int64_t block;  // divides n
};

std::vector<Shape> AllShapes() {
  return {{1, 1, 1},   {3, 5, 5},     {4, 16, 16}, {9, 17, 17},  {8, 33, 33},
          {7, 64, 64}, {5, 100, 100}, {4, 40, 4},  {16, 64, 16}, {6, 1024, 1024}};
}

// Arrays of one step, filled with pseudo-random numbers that depend on kind and shape alone.
template <typename T>
class Arrays {
 public:
  Arrays(const Kind& kind, const Shape& shape)
      : kind_(kind),
        shape_(shape),
        x_(Draw(shape.n / shape.block * shape.block + shape.rows)),
        q_(Draw(count() * shape.n)),
        slope_(Draw(count() * shape.n)),
        coupling_(Draw(count() * count() * shape.n)),
        values_(Draw(count() * size())),
        sums_(static_cast<std::size_t>(shape.n)),
        sources_(kind.sources.size()) {
    for (std::size_t to = 0; to < kind.sources.size(); ++to) {
      const auto row = static_cast<std::int64_t>(to);
      for (const int from : kind.sources[to]) {
        sources_[to].push_back({Coupling(row, from), from});
      }
      traces_.push_back({values_.data() + row * size(), slope_.data() + row * shape.n,
                         sources_[to].data(), static_cast<int>(sources_[to].size()),
                         kind.output[to] ? q_.data() + row * shape.n : nullptr});
      if (kind.output[to]) {
        outputs_.push_back({values_.data() + row * size(), q_.data() + row * shape.n});
      }
    }
  }

  std::int64_t size() const { return shape_.rows * shape_.n; }
  TraceRows<T> rows() const {
    return {traces_.data(), static_cast<int>(count()), shape_.rows, shape_.n, x_.data(),
            shape_.block};
  }
  steps::SweepTraces<T> Sweep(const std::uint8_t* takes) {
    return {rows(), takes, sums_.data(), &total_};
  }
  steps::SweepTraces<T> Advance() { return {rows(), nullptr, nullptr, nullptr}; }
  steps::ContractTraces<T> Contract(T* g) const {
    return {outputs_.data(), static_cast<int>(outputs_.size()), shape_.rows, shape_.n, g};
  }
  const std::vector<T>& values() const { return values_; }
  const std::vector<T>& sums() const { return sums_; }
  T total() const { return total_; }

  // The traces after a step, by the definition.
  std::vector<long double> Wanted() const {
    std::vector<long double> next;
    for (std::int64_t to = 0; to < count(); ++to) {
      for (std::int64_t r = 0; r < shape_.rows; ++r) {
        for (std::int64_t i = 0; i < shape_.n; ++i) {
          const std::int64_t first = shape_.block == shape_.n ? 0 : i / shape_.block * shape_.block;
          long double sum =
              static_cast<long double>(At(slope_, to * shape_.n + i)) * At(x_, first + r);
          for (const int from : kind_.sources[static_cast<std::size_t>(to)]) {
            sum += static_cast<long double>(Coupling(to, from)[i]) *
                   At(values_, from * size() + r * shape_.n + i);
          }
          next.push_back(sum);
        }
      }
    }
    return next;
  }
  // The gradient of such traces.
  std::vector<long double> WantedGradient(const std::vector<long double>& traces) const {
    std::vector<long double> g(static_cast<std::size_t>(size()));
    for (std::int64_t c = 0; c < count(); ++c) {
      if (!kind_.output[static_cast<std::size_t>(c)]) continue;
      for (std::int64_t at = 0; at < size(); ++at) {
        g[static_cast<std::size_t>(at)] += At(q_, c * shape_.n + at % shape_.n) *
                                           traces[static_cast<std::size_t>(c * size() + at)];
      }
    }
    return g;
  }

 private:
  std::int64_t count() const { return static_cast<std::int64_t>(kind_.sources.size()); }
  const T* Coupling(std::int64_t to, int from) const {
    return coupling_.data() + (to * count() + from) * shape_.n;
  }
  static T At(const std::vector<T>& values, std::int64_t i) {
    return values[static_cast<std::size_t>(i)];
  }
  std::vector<T> Draw(std::int64_t size) {
    std::vector<T> values(static_cast<std::size_t>(size));
    for (T& value : values) {
      value = static_cast<T>(std::uniform_real_distribution<double>(-1, 1)(random_));
    }
    return values;
  }

  std::mt19937_64 random_{5};
  Kind kind_;
  Shape shape_;
  std::vector<T> x_, q_, slope_, coupling_, values_, sums_;
  T total_ = T(-77);
  std::vector<std::vector<TraceSource<T>>> sources_;
  std::vector<Trace<T>> traces_;
  std::vector<TraceOutput<T>> outputs_;
};

template <typename T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Every third row waits.
std::vector<std::uint8_t> SomeRows(std::int64_t rows) {
  std::vector<std::uint8_t> takes;
  for (std::int64_t r = 0; r < rows; ++r) takes.push_back(r % 3 == 1 ? 0 : 1);
  return takes;
}

template <typename T>
class Traces : public ::testing::Test {
 protected:
  static constexpr double kEpsilon = std::numeric_limits<T>::epsilon();

  template <typename Body>
  static void ForAll(const Body& body) {
    for (const Kind& kind : AllKinds()) {
      for (const Shape& shape : AllShapes()) {
        SCOPED_TRACE(::testing::Message() << kind.name << " rows=" << shape.rows << " n=" << shape.n
                                          << " block=" << shape.block);
        body(kind, shape);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Traces, Reals);

TYPED_TEST(Traces, TakeAStepInAndGiveItsGradient) {
  this->ForAll([&](const Kind& kind, const Shape& shape) {
    Arrays<TypeParam> arrays(kind, shape);
    const std::vector<long double> wanted = arrays.Wanted();
    AdvanceTraces(arrays.rows());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_NEAR(arrays.values()[i], static_cast<double>(wanted[i]), 8 * this->kEpsilon) << i;
    }
    const std::vector<long double> gradient = arrays.WantedGradient(wanted);
    std::vector<TypeParam> g(gradient.size(), TypeParam(-77));
    const steps::ContractTraces<TypeParam> contract = arrays.Contract(g.data());
    ContractTraces(contract.outputs, contract.count, contract.rows, contract.n, contract.g);
    for (std::size_t i = 0; i < g.size(); ++i) {
      ASSERT_NEAR(g[i], static_cast<double>(gradient[i]), 24 * this->kEpsilon) << i;
    }
  });
}

TYPED_TEST(Traces, ASweepGathersTheSquaresOfTheRowsThatTakePart) {
  this->ForAll([&](const Kind& kind, const Shape& shape) {
    const std::vector<std::uint8_t> some = SomeRows(shape.rows);
    for (const std::uint8_t* takes : {static_cast<const std::uint8_t*>(nullptr), some.data()}) {
      Arrays<TypeParam> swept(kind, shape);
      Arrays<TypeParam> advanced(kind, shape);
      const std::vector<long double> g = swept.WantedGradient(swept.Wanted());
      long double wanted = 0;
      for (std::size_t at = 0; at < g.size(); ++at) {
        const std::size_t row = at / static_cast<std::size_t>(shape.n);
        if (takes == nullptr || takes[row] != 0) wanted += g[at] * g[at];
      }
      std::vector<TypeParam> scratch(static_cast<std::size_t>(shape.n));
      const TypeParam got = SweepTraces(swept.rows(), takes, scratch.data());
      ASSERT_NEAR(got, static_cast<double>(wanted), 32 * this->kEpsilon * (1 + double(wanted)));
      AdvanceTraces(advanced.rows());
      ASSERT_TRUE(SameBits(swept.values(), advanced.values()));
    }
  });
}

template <typename T, typename First, typename Second>
void ExpectSameBits(const Kind& kind, const Shape& shape, const First& first,
                    const Second& second) {
  const std::vector<std::uint8_t> some = SomeRows(shape.rows);
  for (const std::uint8_t* takes : {static_cast<const std::uint8_t*>(nullptr), some.data()}) {
    Arrays<T> a(kind, shape);
    Arrays<T> b(kind, shape);
    first(a.Sweep(takes));
    second(b.Sweep(takes));
    ASSERT_TRUE(SameBits(a.values(), b.values()));
    ASSERT_TRUE(SameBits(a.sums(), b.sums()));
    ASSERT_TRUE(a.total() == b.total());
    first(a.Advance());
    second(b.Advance());
    ASSERT_TRUE(SameBits(a.values(), b.values()));
    std::vector<T> g(static_cast<std::size_t>(a.size())), h = g;
    first(a.Contract(g.data()));
    second(b.Contract(h.data()));
    ASSERT_TRUE(SameBits(g, h));
  }
}

TYPED_TEST(Traces, HaveTheSameBitsOnEveryInstructionSetWithFma) {
  if (!cpu::Supports<cpu::Avx512>()) GTEST_SKIP() << "this processor has no AVX-512";
  this->ForAll([](const Kind& kind, const Shape& shape) {
    ExpectSameBits<TypeParam>(
        kind, shape, [](const auto& step) { cpu::RunStep<cpu::Avx2>(step); },
        [](const auto& step) { cpu::RunStep<cpu::Avx512>(step); });
  });
}

TYPED_TEST(Traces, HaveTheBitsOfTheCpuUnderABlockOfThreads) {
  using testing::HostBlock;
  this->ForAll([](const Kind& kind, const Shape& shape) {
    ExpectSameBits<TypeParam>(
        kind, shape, [](const auto& step) { cpu::RunStep<cpu::Baseline>(step); },
        [](const auto& step) {
          HostBlock block(96, HostBlock::Order::kFalling);
          steps::BlockExecutor<HostBlock> exec(block);
          step.Run(exec);
        });
  });
}

template <typename T>
UpdateRates<T> Rates() {
  return {.rate = T(0.01),
          .beta1 = T(0.9),
          .beta2 = T(0.99),
          .epsilon = T(1e-6),
          .weight_decay = T(0.1),
          .correction1 = T(0.271),
          .correction2 = T(0.0297),
          .epsilon_inside = false};
}

// Weights and slots, and the two ways to change them by a gradient in traces: with it written down
// and scaled, or formed in the sweep.
template <typename T>
struct Weighted {
  explicit Weighted(std::int64_t size)
      : theta(static_cast<std::size_t>(size)), first(theta), second(theta), g(theta) {
    for (std::size_t i = 0; i < theta.size(); ++i) {
      theta[i] = static_cast<T>(std::sin(double(i)));
      first[i] = static_cast<T>(std::sin(double(2 * i)));
      second[i] = static_cast<T>(1.5 + std::sin(double(3 * i)));
    }
  }
  TracedMap<T> Map(const Arrays<T>& arrays, std::int64_t row, T scale) {
    const steps::ContractTraces<T> of = arrays.Contract(nullptr);
    const std::int64_t at = row * of.n;
    return {of.outputs,        of.count,          at, scale, of.rows - row, of.n, theta.data() + at,
            first.data() + at, second.data() + at};
  }

  std::vector<T> theta, first, second, g;
};

// Rows from the second on.
template <typename Target, UpdateKind kKind, typename T>
void ExpectTheStoredChange(const Arrays<T>& arrays) {
  Weighted<T> stored(arrays.size());
  Weighted<T> swept(arrays.size());
  const std::int64_t row = arrays.rows().rows > 1 ? 1 : 0;
  const T scale = T(0.3);
  cpu::RunStep<Target>(steps::TracedUpdate<T, kKind>{Rates<T>(), swept.Map(arrays, row, scale)});
  cpu::RunStep<Target>(arrays.Contract(stored.g.data()));
  cpu::RunStep<Target>(steps::Scale<T>{stored.g.data(), scale, arrays.size()});
  const std::int64_t at = row * arrays.rows().n;
  const std::int64_t count = arrays.size() - at;
  T* const theta = stored.theta.data() + at;
  T* const g = stored.g.data() + at;
  cpu::RunStep<Target>(steps::StoredUpdate<T, kKind>{
      Rates<T>(), {count, theta, stored.first.data() + at, stored.second.data() + at, g}});
  cpu::RunStep<Target>(steps::AddScaled<T>{g, T(1), count, theta});
  ASSERT_TRUE(SameBits(stored.theta, swept.theta));
  ASSERT_TRUE(SameBits(stored.first, swept.first));
  ASSERT_TRUE(SameBits(stored.second, swept.second));
}

template <typename Target, typename T>
void ExpectEveryChange(const Arrays<T>& arrays) {
  ExpectTheStoredChange<Target, UpdateKind::kSgd>(arrays);
  ExpectTheStoredChange<Target, UpdateKind::kMomentum>(arrays);
  ExpectTheStoredChange<Target, UpdateKind::kRmsprop>(arrays);
  ExpectTheStoredChange<Target, UpdateKind::kAdam>(arrays);
}

TYPED_TEST(Traces, ChangeWeightsAsAGradientWrittenDownDoes) {
  this->ForAll([](const Kind& kind, const Shape& shape) {
    const Arrays<TypeParam> arrays(kind, shape);
    ExpectEveryChange<cpu::Baseline>(arrays);
    if (cpu::Supports<cpu::Avx2>()) ExpectEveryChange<cpu::Avx2>(arrays);
    if (cpu::Supports<cpu::Avx512>()) ExpectEveryChange<cpu::Avx512>(arrays);
  });
}

TYPED_TEST(Traces, AnInfiniteTraceShowsInTheSquares) {
  const Kind kind = AllKinds().front();
  Arrays<TypeParam> arrays(kind, {3, 20, 20});
  arrays.rows().traces[0].values[45] = std::numeric_limits<TypeParam>::infinity();
  std::vector<TypeParam> scratch(20);
  EXPECT_FALSE(std::isfinite(SweepTraces(arrays.rows(), nullptr, scratch.data())));
}

}  // namespace
}  // namespace millrace::kernels
