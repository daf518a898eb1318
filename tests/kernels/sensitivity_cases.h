// Sweeps of sensitivities on fixed pseudo-random input: cells of several shapes, all of the
// Jacobian or some entries, and the definition of the sweep written out.
#ifndef MILLRACE_TESTS_KERNELS_SENSITIVITY_CASES_H_
#define MILLRACE_TESTS_KERNELS_SENSITIVITY_CASES_H_

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "kernels/sensitivities.h"

namespace millrace::kernels {

struct SensitivityCase {
  std::string name;
  std::int64_t n, s, c;
  std::vector<std::int64_t> gates;  // rows of each
  int components = 1;
  int fed_back = 0;
  int first_output = 0;
  unsigned recurrent = 1;
  std::vector<std::pair<int, int>> carries = {};  // to, from
  std::vector<std::pair<int, int>> slopes = {{0, 0}};
  int reaching_gate = -1;
  std::int64_t kept = 0;  // entries of a unit, 0: all
  bool ring = false;      // those of the nearest units
};

inline std::ostream& operator<<(std::ostream& out, const SensitivityCase& c) {
  return out << c.name << " n=" << c.n << " s=" << c.s;
}

inline SensitivityCase Plain(std::int64_t n, std::int64_t s, std::int64_t c) {
  return {.name = "plain", .n = n, .s = s, .c = c, .gates = {c + 3}};
}
inline SensitivityCase Kept(std::int64_t n, std::int64_t c, std::int64_t kept, bool ring) {
  SensitivityCase of = Plain(n, c, c);
  of.name = ring ? "ring" : "kept";
  of.kept = kept;
  of.ring = ring;
  return of;
}
// As an LSTM: two components, h fed back and seen, c carried; four gates.
inline SensitivityCase Gated(std::int64_t n, std::int64_t s, std::int64_t c) {
  return {.name = "gated",
          .n = n,
          .s = s,
          .c = c,
          .gates = {c + 2, c + 2, c + 1, c + 2},
          .components = 2,
          .fed_back = 1,
          .first_output = 1,
          .recurrent = 3,
          .carries = {{0, 0}, {1, 0}},
          .slopes = {{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 3}}};
}
// Two components of which the first is fed back; both are seen, carried, and to each other. An odd
// number of rows.
inline SensitivityCase Crossed(std::int64_t n, std::int64_t s) {
  return {.name = "crossed",
          .n = n,
          .s = s,
          .c = n,
          .gates = {n + 1, 3},
          .components = 2,
          .recurrent = 1,
          .carries = {{1, 0}, {0, 1}, {1, 1}, {0, 0}},
          .slopes = {{0, 0}, {1, 0}, {1, 1}}};
}
// As a GRU whose reset gate comes before the product; a parameter of the unit beside.
inline SensitivityCase Modulated(std::int64_t n, std::int64_t c) {
  return {.name = "modulated",
          .n = n,
          .s = c,
          .c = c,
          .gates = {c + 2, c + 2, 1},
          .slopes = {{0, 1}, {0, 2}},
          .reaching_gate = 0};
}

inline std::vector<SensitivityCase> AllSensitivityCases() {
  std::vector<SensitivityCase> cases = {
      Plain(1, 1, 1),        Plain(5, 5, 5),        Plain(16, 16, 16),      Plain(20, 20, 20),
      Plain(33, 33, 33),     Plain(64, 64, 64),     Plain(75, 75, 75),      Plain(48, 2, 48),
      Plain(32, 1, 32),      Plain(48, 4, 48),      Plain(52, 4, 52),       Plain(48, 8, 48),
      Plain(48, 3, 24),      Plain(40, 5, 20),      Plain(24, 4, 4),        Plain(64, 16, 32),
      Plain(66, 22, 66),     Kept(8, 8, 3, false),  Kept(40, 40, 6, false), Kept(40, 20, 4, false),
      Kept(3, 3, 3, true),   Kept(40, 40, 3, true), Kept(70, 70, 5, true),  Kept(64, 64, 5, true),
      Kept(64, 32, 5, true), Kept(70, 70, 7, true), Gated(6, 6, 6),         Gated(35, 35, 35),
      Gated(32, 4, 32),      Gated(36, 3, 12),      Gated(48, 24, 48),      Modulated(7, 7),
      Modulated(40, 40),     Modulated(24, 12)};
  SensitivityCase gated_ring = Gated(40, 40, 40);
  gated_ring.name = "gated ring";
  gated_ring.kept = 5;
  gated_ring.ring = true;
  cases.push_back(gated_ring);
  return cases;
}

// Two components in narrow blocks, whose forms of a vector are others by width. Beside those above,
// whose digest is a released one.
inline std::vector<SensitivityCase> NarrowPairs() {
  return {Gated(32, 2, 32), Gated(48, 8, 48), Crossed(32, 2), Crossed(48, 4),
          Crossed(48, 8),   Crossed(36, 4),   Crossed(36, 3)};
}

// The arrays of a case, with numbers that no sweep may touch after each that is written.
template <typename T>
class SensitivityArrays {
 public:
  static constexpr std::size_t kGuard = 24;
  static constexpr T kUntouched = T(-77);

  explicit SensitivityArrays(const SensitivityCase& of) : case_(of) {
    shape_ = {of.n, of.s, of.c, 0, of.components, of.fed_back, of.first_output, of.recurrent};
    for (const std::int64_t rows : of.gates) shape_.rows += rows;
    const std::int64_t outputs = of.components - of.first_output;
    MakeThrough();
    gains_ = Numbers(static_cast<std::int64_t>(of.carries.size()) * of.n, 0, 0.9);
    slopes_ = Numbers(static_cast<std::int64_t>(of.slopes.size()) * of.n, -1, 1);
    reach_ = Numbers(of.reaching_gate < 0 ? 0 : of.components * of.n * of.c, -1, 1);
    fan_in_ = Numbers(of.n / of.c * shape_.rows, -1, 1);
    for (std::size_t k = 0; k < fan_in_.size(); k += 5) fan_in_[k] = T(0);
    q_ = Numbers(outputs * of.n, -1, 1);
    values_ = Guarded(Numbers(of.components * of.s * shape_.row(), -1, 1));
    g_ = Guarded(std::vector<T>(Size(shape_.row()), kUntouched));
    scratch_ = Guarded(std::vector<T>(Size(SensitivityScratch(shape_)), kUntouched));
    MakeLists();
  }
  SensitivityArrays(const SensitivityArrays&) = delete;
  SensitivityArrays& operator=(const SensitivityArrays&) = delete;

  SensitivitySweep<T> sweep(bool contracts = true) {
    return {.shape = shape_,
            .through = through_,
            .carries = carry_terms_.data(),
            .carry_count = static_cast<int>(carry_terms_.size()),
            .slopes = slope_terms_.data(),
            .slope_count = static_cast<int>(slope_terms_.size()),
            .gates = gate_rows_.data(),
            .gate_count = static_cast<int>(gate_rows_.size()),
            .fan_in = fan_in_.data(),
            .q = contracts ? q_.data() : nullptr,
            .values = values_.data(),
            .g = contracts ? g_.data() : nullptr,
            .scratch = scratch_.data()};
  }
  const SensitivityShape& shape() const { return shape_; }
  std::vector<T>& values() { return values_; }
  std::vector<T>& g() { return g_; }
  std::vector<T>& slopes() { return slopes_; }
  const std::vector<T>& q() const { return q_; }
  bool TouchesNothingElse() const {
    for (const auto* array : {&values_, &g_, &scratch_}) {
      for (std::size_t k = array->size() - kGuard; k < array->size(); ++k) {
        if ((*array)[k] != kUntouched) return false;
      }
    }
    return true;
  }

 private:
  static std::size_t Size(std::int64_t count) { return static_cast<std::size_t>(count); }
  static std::vector<T> Guarded(std::vector<T> array) {
    array.insert(array.end(), kGuard, kUntouched);
    return array;
  }
  std::vector<T> Numbers(std::int64_t count, double low, double high) {
    std::vector<T> numbers(Size(count));
    for (T& number : numbers) {
      random_ = random_ * 6364136223846793005u + 1442695040888963407u;
      number = static_cast<T>(low + (high - low) * static_cast<double>(random_ >> 40) / 16777216.0);
    }
    return numbers;
  }
  void MakeThrough() {
    if (case_.kept == 0) {
      dense_ = Numbers(case_.components * case_.s * case_.n, -1, 1);
      through_ = {dense_.data(), 0, nullptr, nullptr, 0};
      return;
    }
    dense_ = Numbers(case_.components * case_.n * case_.kept, -1, 1);
    const std::int64_t reach = case_.kept / 2;
    for (std::int64_t u = 0; u < case_.n; ++u) {
      for (std::int64_t k = 0; k < case_.kept; ++k) {
        const std::int64_t j = case_.ring ? u + case_.s - reach + k : u + 3 * k;
        units_.push_back(static_cast<std::int32_t>(j % case_.s));
      }
    }
    through_ = {nullptr, case_.kept, units_.data(), dense_.data(), case_.ring ? reach : 0};
  }
  void MakeLists() {
    const std::int64_t n = case_.n;
    for (const auto& [to, from] : case_.carries) {
      carry_terms_.push_back(
          {to, from, gains_.data() + static_cast<std::int64_t>(carry_terms_.size()) * n});
    }
    for (const auto& [to, gate] : case_.slopes) {
      slope_terms_.push_back(
          {to, gate, slopes_.data() + static_cast<std::int64_t>(slope_terms_.size()) * n});
    }
    for (const std::int64_t rows : case_.gates) {
      const bool reaches = static_cast<int>(gate_rows_.size()) == case_.reaching_gate;
      gate_rows_.push_back({rows, reaches ? reach_.data() : nullptr});
    }
  }

  SensitivityCase case_;
  SensitivityShape shape_{};
  Through<T> through_{};
  std::vector<T> dense_, gains_, slopes_, reach_, fan_in_, q_, values_, g_, scratch_;
  std::vector<std::int32_t> units_;
  std::vector<CarryTerm<T>> carry_terms_;
  std::vector<SlopeTerm<T>> slope_terms_;
  std::vector<GateRows<T>> gate_rows_;
  std::uint64_t random_ = 20240601;
};

// The definition, number by number; mul_add(a, b, c) rounds a b + c as is asked for.
template <typename T, typename MulAdd>
class DefinedSensitivities {
 public:
  DefinedSensitivities(const SensitivitySweep<T>& sweep, const MulAdd& mul_add)
      : sweep_(sweep), shape_(sweep.shape), mul_add_(mul_add) {}

  // S and g that the sweep is to give.
  std::vector<T> Values() const {
    std::vector<T> values;
    for (int c = 0; c < shape_.components; ++c) {
      for (std::int64_t i = 0; i < shape_.block; ++i) {
        for (std::int64_t r = 0; r < shape_.rows; ++r) {
          for (std::int64_t l = 0; l < shape_.units; ++l) values.push_back(New(c, i, r, l));
        }
      }
    }
    return values;
  }
  std::vector<T> Contracted(const std::vector<T>& values) const {
    std::vector<T> g(static_cast<std::size_t>(shape_.row()), T(0));
    for (int c = shape_.first_output; c < shape_.components; ++c) {
      for (std::int64_t i = 0; i < shape_.block; ++i) {
        for (std::int64_t w = 0; w < shape_.row(); ++w) {
          const std::int64_t u = w % shape_.units / shape_.block * shape_.block + i;
          T& sum = g[static_cast<std::size_t>(w)];
          sum = mul_add_(
              sweep_.q[(c - shape_.first_output) * shape_.units + u],
              values[static_cast<std::size_t>((c * shape_.block + i) * shape_.row() + w)], sum);
        }
      }
    }
    return g;
  }

 private:
  T Old(int c, std::int64_t i, std::int64_t r, std::int64_t l) const {
    return sweep_.values[(c * shape_.block + i) * shape_.row() + r * shape_.units + l];
  }
  T New(int c, std::int64_t i, std::int64_t r, std::int64_t l) const {
    const std::int64_t n = shape_.units, u = l / shape_.block * shape_.block + i;
    const Through<T>& m = sweep_.through;
    T sum = T(0);
    const bool recurrent = (shape_.recurrent >> c & 1u) != 0;
    for (std::int64_t j = 0; recurrent && m.dense != nullptr && j < shape_.block; ++j) {
      sum = mul_add_(m.dense[(c * shape_.block + j) * n + u], Old(shape_.fed_back, j, r, l), sum);
    }
    for (std::int64_t k = 0; recurrent && m.dense == nullptr && k < m.count; ++k) {
      const std::int32_t j = m.units[u * m.count + k];
      sum = mul_add_(m.entries[(c * n + u) * m.count + k], Old(shape_.fed_back, j, r, l), sum);
    }
    for (int k = 0; k < sweep_.carry_count; ++k) {
      const CarryTerm<T>& carry = sweep_.carries[k];
      if (carry.to == c) sum = mul_add_(carry.gain[u], Old(carry.from, i, r, l), sum);
    }
    const T f = sweep_.fan_in[l / shape_.connected * shape_.rows + r];
    return f == T(0) ? sum : Immediate(c, u, l, {GateOf(r), f}, sum);
  }
  struct Seen {
    int gate;
    T f;
  };
  T Immediate(int c, std::int64_t u, std::int64_t l, const Seen& seen, T sum) const {
    for (int k = 0; k < sweep_.slope_count; ++k) {
      const SlopeTerm<T>& slope = sweep_.slopes[k];
      if (slope.to != c || slope.gate != seen.gate || u != l) continue;
      const T product = slope.slope[u] * seen.f;
      sum = sum + product;
    }
    const T* const reach = sweep_.gates[seen.gate].reach;
    if (reach == nullptr) return sum;
    const std::int64_t place = l % shape_.connected;
    return mul_add_(reach[(c * shape_.units + u) * shape_.connected + place], seen.f, sum);
  }
  int GateOf(std::int64_t r) const {
    int gate = 0;
    for (; r >= sweep_.gates[gate].count; ++gate) r -= sweep_.gates[gate].count;
    return gate;
  }

  const SensitivitySweep<T> sweep_;
  const SensitivityShape shape_;
  const MulAdd mul_add_;
};

}  // namespace millrace::kernels

#endif  // MILLRACE_TESTS_KERNELS_SENSITIVITY_CASES_H_
