#include "engine/rules/mask.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "engine/check.h"
#include "engine/random.h"

namespace millrace::engine {
namespace {

constexpr int kStepsOfAChoice = 200;
constexpr std::uint64_t kMaskStream = 4;

MaskKind KindOf(const std::string& name) {
  if (name == "ring") return MaskKind::kRing;
  if (name == "random") return MaskKind::kRandom;
  if (name == "oracle") return MaskKind::kOracle;
  if (name == "anti_oracle") return MaskKind::kAntiOracle;
  if (name == "dynamic") return MaskKind::kDynamic;
  MILLRACE_CHECK(name == "block");
  return MaskKind::kBlock;
}

// Units picked in a row, of a setting k.
std::int64_t OthersOf(MaskKind kind, std::int64_t k) {
  if (kind == MaskKind::kRing) return k / 2 * 2;
  return kind == MaskKind::kBlock ? 0 : k;
}

template <typename T>
T Magnitude(T x) {
  return x < T{0} ? -x : x;
}

}  // namespace

template <typename T>
Mask<T>::Mask(const PartSpec& part, const Structure& structure, std::uint64_t seed)
    : structure_(structure),
      kind_(KindOf(part.Text("mask"))),
      s_(kind_ == MaskKind::kBlock ? part.Integer("k") : structure.block_units()),
      k_(OthersOf(kind_, part.Integer("k"))),
      others_(static_cast<std::size_t>(structure.n * k_), 0),
      units_(static_cast<std::size_t>(structure.n * (k_ + 1))),
      kept_{k_ + 1, units_.data(), part.Flag("include_self"), 0},
      scores_(static_cast<std::size_t>(structure.block_units())),
      order_(scores_.size()) {
  if (kind_ == MaskKind::kBlock) {
    kept_ = {0, nullptr, kept_.self, 0};
    return;
  }
  if (kind_ == MaskKind::kRing) FillRing();
  if (kind_ == MaskKind::kRandom) DrawRandom(seed);
  Keep();
}

// From k / 2 before the unit to k / 2 after it.
template <typename T>
void Mask<T>::FillRing() {
  const std::int64_t c = structure_.block_units();
  kept_.band = k_ / 2;
  std::int32_t* to = others_.data();
  for (std::int64_t i = 0; i < structure_.n; ++i) {
    for (std::int64_t offset = -kept_.band; offset <= kept_.band; ++offset) {
      if (offset != 0) *to++ = static_cast<std::int32_t>((i + c + offset) % c);
    }
  }
}

// A row after the other: the first k of a shuffle (Fisher and Yates) of the other units.
template <typename T>
void Mask<T>::DrawRandom(std::uint64_t seed) {
  const std::int64_t c = structure_.block_units();
  Random random(seed, kMaskStream);
  for (std::int64_t i = 0; i < structure_.n; ++i) {
    std::iota(order_.begin(), order_.end(), 0);
    order_.erase(order_.begin() + i % c);
    for (std::int64_t place = 0; place < k_; ++place) {
      const auto drawn =
          static_cast<std::int64_t>(random.Uniform() * static_cast<double>(c - 1 - place));
      std::swap(order_[static_cast<std::size_t>(place)],
                order_[static_cast<std::size_t>(place + drawn)]);
    }
    std::copy_n(order_.begin(), k_, others_.begin() + i * k_);
    order_.resize(scores_.size());
  }
}

template <typename T>
void Mask<T>::FillConstants(T* constants) const {
  const std::int64_t c = structure_.block_units();
  for (std::int64_t place = 0; place < ConstantsSize(); ++place) {
    const std::int64_t first = place / k_ / c * c;
    constants[place] = static_cast<T>(first + others_[static_cast<std::size_t>(place)]);
  }
}

template <typename T>
void Mask<T>::Keep() {
  std::int32_t* to = units_.data();
  for (std::int64_t i = 0; i < structure_.n; ++i) {
    const auto self = static_cast<std::int32_t>(i % s_);
    const std::int32_t* const others = others_.data() + i * k_;
    std::int32_t* const row = to;
    to = std::copy_n(others, kept_.band, to);
    *to++ = self;
    to = std::copy(others + kept_.band, others + k_, to);
    if (kind_ != MaskKind::kRing) std::sort(row, to);
  }
}

template <typename T>
void Mask<T>::ChooseHighest(std::int64_t unit) {
  const auto self = static_cast<std::int32_t>(unit % structure_.block_units());
  // What is not a number has no place in an order.
  for (T& score : scores_) score = score == score ? score : T{0};
  std::iota(order_.begin(), order_.end(), 0);
  std::swap(order_[static_cast<std::size_t>(self)], order_.back());
  std::partial_sort(order_.begin(), order_.begin() + k_, order_.end() - 1,
                    [&](std::int32_t a, std::int32_t b) {
                      const T of_a = scores_[static_cast<std::size_t>(a)];
                      const T of_b = scores_[static_cast<std::size_t>(b)];
                      return of_a != of_b ? of_a > of_b : a < b;
                    });
  std::copy_n(order_.begin(), k_, others_.begin() + unit * k_);
}

template <typename T>
void Mask<T>::ChooseByWeight(const T* theta, T* state) {
  T& steps = state[0];
  T* const chosen = state + 1;
  const std::int64_t n = structure_.n, c = structure_.block_units();
  if (steps == T{0}) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::fill(scores_.begin(), scores_.end(), T{0});
      for (const Gate& gate : structure_.gates) {
        for (std::int64_t j = 0; j < structure_.recurrent_rows(gate); ++j) {
          scores_[static_cast<std::size_t>(j)] += Magnitude(theta[gate.offset + j * n + i]);
        }
      }
      if (kind_ == MaskKind::kAntiOracle) {
        for (T& score : scores_) score = -score;
      }
      ChooseHighest(i);
    }
    std::copy(others_.begin(), others_.end(), chosen);
  }
  steps = steps + T{1} < T{kStepsOfAChoice} ? steps + T{1} : T{0};
  for (std::int64_t place = 0; place < n * k_; ++place) {
    others_[static_cast<std::size_t>(place)] =
        std::min(static_cast<std::int32_t>(chosen[place]), static_cast<std::int32_t>(c - 1));
  }
}

template <typename T>
void Mask<T>::ChooseByJacobian(const T* jacobian) {
  const std::int64_t n = structure_.n, c = structure_.block_units();
  for (std::int64_t i = 0; i < n; ++i) {
    std::fill(scores_.begin(), scores_.end(), T{0});
    for (int component = 0; component < structure_.components; ++component) {
      const T* const column = jacobian + component * c * n + i;
      for (std::int64_t j = 0; j < c; ++j) {
        scores_[static_cast<std::size_t>(j)] += Magnitude(column[j * n]);
      }
    }
    ChooseHighest(i);
  }
}

template <typename T>
const KeptEntries* Mask<T>::Choose(const T* theta, const T* jacobian, T* state) {
  if (chosen_by_weight()) ChooseByWeight(theta, state);
  if (kind_ == MaskKind::kDynamic) ChooseByJacobian(jacobian);
  if (chosen_by_weight() || kind_ == MaskKind::kDynamic) Keep();
  return &kept_;
}

template class Mask<float>;
template class Mask<double>;

}  // namespace millrace::engine
