// Every step of kernels/steps/list.h on fixed pseudo-random input, for tests that run over them
// all.
//
// A case keeps all arrays of one step in one piece of memory, with gaps between them that no step
// may touch. So two runs are compared by comparing all of it, and a device needs one copy.
//
//   Case<steps::MatVec<float>> test({.k = 5, .n = 17});
//   RunOnCpu(test.StepIn(test.memory()));
#ifndef MILLRACE_TESTS_KERNELS_CASES_H_
#define MILLRACE_TESTS_KERNELS_CASES_H_

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/ops.h"
#include "kernels/steps/list.h"

namespace millrace::kernels {

struct Shape {
  std::int64_t k;
  std::int64_t n;
  std::int64_t gap = 3;  // elements before each array: shifts its alignment
};

// Sizes around the lanes, the tiles and the blocks, and the empty ones.
inline std::vector<Shape> AllShapes() {
  return {{0, 0},  {0, 5},  {1, 0},  {1, 1},   {3, 4},   {2, 15},
          {5, 16}, {7, 17}, {9, 33}, {86, 64}, {70, 100}};
}

inline std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << "k=" << shape.k << " n=" << shape.n << " gap=" << shape.gap;
}

template <typename Step>
struct StepTraits;
#define MILLRACE_TRAITS(Name)              \
  template <typename T>                    \
  struct StepTraits<steps::Name<T>> {      \
    using Real = T;                        \
    static constexpr char kName[] = #Name; \
  };
MILLRACE_FOR_EACH_STEP(MILLRACE_TRAITS)
#undef MILLRACE_TRAITS

// Hands out arrays from a piece of memory, and fills them at the same time if asked to. Without
// memory it only measures.
template <typename T>
class Carver {
 public:
  Carver(T* base, T* filled, const Shape& shape) : base_(base), filled_(filled), shape_(shape) {}

  // count values in [low, high).
  T* Take(std::int64_t count, double low = -2, double high = 2) {
    used_ += shape_.gap;
    if (filled_ != nullptr) {
      for (std::int64_t i = 0; i < count; ++i) {
        filled_[used_ + i] = static_cast<T>(low + (high - low) * NextUniform());
      }
    }
    T* const taken = base_ == nullptr ? nullptr : base_ + used_;
    used_ += count;
    return taken;
  }
  std::int64_t used() const { return used_ + shape_.gap; }
  std::int64_t k() const { return shape_.k; }
  std::int64_t n() const { return shape_.n; }

 private:
  // In [0, 1), 24 bits: the same value in both types.
  double NextUniform() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 40) / 16777216.0;
  }

  T* base_;
  T* filled_;
  Shape shape_;
  std::int64_t used_ = 0;
  std::uint64_t state_ = 20240601;
};

template <typename T>
UpdateRates<T> TestRates() {
  return {.rate = T(0.01),
          .beta1 = T(0.9),
          .beta2 = T(0.99),
          .epsilon = T(1e-6),
          .weight_decay = T(0.1),
          .correction1 = T(0.271),
          .correction2 = T(0.0297),
          .epsilon_inside = false};
}

// The step's arrays, taken from carve. [k, n] maps have k rows; ranges have k n elements.
template <typename T>
void Bind(Carver<T>& c, steps::MatVec<T>& s) {
  s = {c.Take(c.k() * c.n()), c.Take(c.k()), c.k(), c.n(), c.Take(c.n())};
}
template <typename T>
void Bind(Carver<T>& c, steps::AddMatVec<T>& s) {
  s = {c.Take(c.k() * c.n()), c.Take(c.k()), c.k(), c.n(), c.Take(c.n())};
}
template <typename T>
void Bind(Carver<T>& c, steps::AddScaled<T>& s) {
  s = {c.Take(c.k() * c.n()), T(0.7), c.k() * c.n(), c.Take(c.k() * c.n())};
}
template <typename T>
void Bind(Carver<T>& c, steps::TransposedMatVec<T>& s) {
  s = {c.Take(c.k() * c.n()), c.Take(c.n()), c.k(), c.n(), c.Take(c.k())};
}
template <typename T>
void Bind(Carver<T>& c, steps::Dot<T>& s) {
  s = {c.Take(c.k() * c.n()), c.Take(c.k() * c.n()), c.k() * c.n(), c.Take(1)};
}
template <typename T>
void Bind(Carver<T>& c, steps::SumSquares<T>& s) {
  s = {c.Take(c.k() * c.n()), c.k() * c.n(), c.Take(1)};
}
template <typename T>
void Bind(Carver<T>& c, steps::Scale<T>& s) {
  s = {c.Take(c.k() * c.n()), T(-1.3), c.k() * c.n()};
}
template <typename T>
void Bind(Carver<T>& c, steps::AllFinite<T>& s) {
  s = {c.Take(c.k() * c.n()), c.k() * c.n(), reinterpret_cast<bool*>(c.Take(1))};
}
template <typename T>
void Bind(Carver<T>& c, steps::LeakyTanh<T>& s) {
  s = {c.Take(c.n()), c.Take(c.n()), T(0.3), c.n(), c.Take(c.n()), c.Take(c.n())};
}
template <typename T>
void Bind(Carver<T>& c, steps::OuterProduct<T>& s) {
  s = {c.Take(c.k()), c.Take(c.n()), c.k(), c.n(), c.Take(c.k() * c.n())};
}
template <typename T>
void Bind(Carver<T>& c, steps::AddOuterProduct<T>& s) {
  s = {c.Take(c.k()), c.Take(c.n()), c.k(), c.n(), c.Take(c.k() * c.n())};
}
template <typename T>
void Bind(Carver<T>& c, steps::Softmax<T>& s) {
  s = {c.Take(c.n(), -9, 9), c.n(), c.Take(c.n())};
}
template <typename T>
void Bind(Carver<T>& c, steps::LogSumExp<T>& s) {
  s = {c.Take(c.n(), -9, 9), c.n(), c.Take(1)};
}
template <typename T>
void Bind(Carver<T>& c, steps::SgdChange<T>& s) {
  s = {TestRates<T>(), {.p = c.k() * c.n(), .g = c.Take(c.k() * c.n())}};
}
template <typename T>
void Bind(Carver<T>& c, steps::MomentumChange<T>& s) {
  const std::int64_t p = c.k() * c.n();
  s = {TestRates<T>(), {.p = p, .first = c.Take(p), .g = c.Take(p)}};
}
template <typename T>
void Bind(Carver<T>& c, steps::RmspropChange<T>& s) {
  const std::int64_t p = c.k() * c.n();
  s = {TestRates<T>(), {.p = p, .second = c.Take(p, 0, 2), .g = c.Take(p)}};
}
template <typename T>
void Bind(Carver<T>& c, steps::AdamChange<T>& s) {
  const std::int64_t p = c.k() * c.n();
  s = {TestRates<T>(), {p, c.Take(p), c.Take(p), c.Take(p, 0, 2), c.Take(p)}};
}

template <typename T>
void Bind(Carver<T>& c, steps::NormaliseInput<T>& s) {
  s.channels = {c.Take(c.n(), -9, 9), c.Take(c.n()), c.Take(c.n(), 0, 2), T(0.1), T(0.01), T(2),
                c.k() % 2 == 0,       c.n(),         c.Take(c.n())};
}

// An even k looks ahead, an odd one does not.
template <typename T>
OuterMap<T> TakeOuterMap(Carver<T>& c) {
  const std::int64_t p = c.k() * c.n();
  OuterMap<T> map{c.Take(c.k()), T(0.7),    c.Take(c.n()),   c.k(),         c.n(),
                  c.Take(p),     c.Take(p), c.Take(p, 0, 2), c.Take(c.k()), c.Take(c.n())};
  if (c.k() % 2 == 1) map.next_x = nullptr;
  return map;
}
template <typename T>
void Bind(Carver<T>& c, steps::SgdOuter<T>& s) {
  s = {TestRates<T>(), TakeOuterMap(c)};
}
template <typename T>
void Bind(Carver<T>& c, steps::MomentumOuter<T>& s) {
  s = {TestRates<T>(), TakeOuterMap(c)};
}
template <typename T>
void Bind(Carver<T>& c, steps::RmspropOuter<T>& s) {
  s = {TestRates<T>(), TakeOuterMap(c)};
  s.rates.epsilon_inside = c.n() % 2 == 1;
  if (c.k() % 3 == 0) s.rates.correction2 = T(1);
}
template <typename T>
void Bind(Carver<T>& c, steps::AdamOuter<T>& s) {
  s = {TestRates<T>(), TakeOuterMap(c)};
  s.rates.epsilon_inside = c.n() % 2 == 1;
  if (c.k() % 3 == 0) s.rates.correction2 = T(1);
}

template <typename Step>
class Case {
 public:
  using T = typename StepTraits<Step>::Real;

  explicit Case(const Shape& shape) : shape_(shape) {
    Step step;
    Carver<T> measure(nullptr, nullptr, shape);
    Bind(measure, step);
    memory_.assign(static_cast<std::size_t>(measure.used()), T(-77));
    Carver<T> fill(memory_.data(), memory_.data(), shape);
    Bind(fill, step);
  }

  // The step with its arrays in the memory at base, laid out as memory() is.
  Step StepIn(T* base) const {
    Step step;
    Carver<T> carve(base, nullptr, shape_);
    Bind(carve, step);
    return step;
  }
  Step StepInPlace() { return StepIn(memory_.data()); }
  std::vector<T>& memory() { return memory_; }

 private:
  Shape shape_;
  std::vector<T> memory_;
};

// The entry point of ops.h that a step stands for.
template <typename T>
void RunOnCpu(const steps::MatVec<T>& s) {
  MatVec(s.matrix_t, s.x, s.k, s.n, s.out);
}
template <typename T>
void RunOnCpu(const steps::AddMatVec<T>& s) {
  AddMatVec(s.matrix_t, s.x, s.k, s.n, s.out);
}
template <typename T>
void RunOnCpu(const steps::AddScaled<T>& s) {
  AddScaled(s.x, s.scale, s.n, s.out);
}
template <typename T>
void RunOnCpu(const steps::TransposedMatVec<T>& s) {
  TransposedMatVec(s.matrix_t, s.y, s.k, s.n, s.out);
}
template <typename T>
void RunOnCpu(const steps::Dot<T>& s) {
  *s.result = Dot(s.x, s.y, s.n);
}
template <typename T>
void RunOnCpu(const steps::SumSquares<T>& s) {
  *s.result = SumSquares(s.x, s.n);
}
template <typename T>
void RunOnCpu(const steps::Scale<T>& s) {
  Scale(s.x, s.scale, s.n);
}
template <typename T>
void RunOnCpu(const steps::AllFinite<T>& s) {
  *s.result = AllFinite(s.x, s.n);
}
template <typename T>
void RunOnCpu(const steps::LeakyTanh<T>& s) {
  LeakyTanh(s.preactivation, s.h_prev, s.leak, s.n, s.h, s.slope);
}
template <typename T>
void RunOnCpu(const steps::OuterProduct<T>& s) {
  OuterProduct(s.x, s.s, s.k, s.n, s.g);
}
template <typename T>
void RunOnCpu(const steps::AddOuterProduct<T>& s) {
  AddOuterProduct(s.x, s.s, s.k, s.n, s.g);
}
template <typename T>
void RunOnCpu(const steps::Softmax<T>& s) {
  Softmax(s.z, s.m, s.probabilities);
}
template <typename T>
void RunOnCpu(const steps::LogSumExp<T>& s) {
  *s.result = LogSumExp(s.z, s.m);
}
template <typename T, UpdateKind kKind>
void RunOnCpu(const steps::StoredUpdate<T, kKind>& s) {
  Change(kKind, s.rates, s.range);
}
template <typename T, UpdateKind kKind>
void RunOnCpu(const steps::OuterUpdate<T, kKind>& s) {
  ChangeOuter(kKind, s.rates, s.map);
}
template <typename T>
void RunOnCpu(const steps::NormaliseInput<T>& s) {
  NormaliseInput(s.channels);
}

// All steps of both types, for TYPED_TEST_SUITE.
#define MILLRACE_BOTH_TYPES(Name) , steps::Name<float>, steps::Name<double>
template <typename First, typename... Rest>
using TypesAfter = ::testing::Types<Rest...>;
using AllSteps = TypesAfter<void MILLRACE_FOR_EACH_STEP(MILLRACE_BOTH_TYPES)>;
#undef MILLRACE_BOTH_TYPES

struct StepNames {
  template <typename Step>
  static std::string GetName(int) {
    const bool single = sizeof(typename StepTraits<Step>::Real) == sizeof(float);
    return std::string(StepTraits<Step>::kName) + (single ? "Float" : "Double");
  }
};

}  // namespace millrace::kernels

#endif  // MILLRACE_TESTS_KERNELS_CASES_H_
