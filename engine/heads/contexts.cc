#include "engine/heads/contexts.h"

#include <algorithm>

#include "engine/cells/cell.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

constexpr std::int64_t kByteBits = 8;
constexpr double kMostOrders = 4;  // Contexts::kHistory

std::int64_t TableRows(std::int64_t order, std::int64_t bits) {
  return std::int64_t{1} << std::min(kByteBits * order, bits);
}

std::uint64_t Mixed(std::uint64_t key) {
  key *= 0x9E3779B97F4A7C15u;
  key ^= key >> 32;
  key *= 0xD6E8FEB86659FD93u;
  return key ^ (key >> 32);
}

}  // namespace

std::vector<SettingDescription> ContextSettings() {
  return {{.name = "context_orders",
           .type = SettingType::kInteger,
           .minimum = 0,
           .maximum = kMostOrders,
           .default_value = std::int64_t{0},
           .sentence = "Direct contexts: the last 1, ... up to so many bytes each add a row of "
                       "their own to the logits; 0: none. Bytes only."},
          {.name = "context_bits",
           .type = SettingType::kInteger,
           .minimum = 8,
           .maximum = 18,
           .default_value = std::int64_t{14},
           .sentence = "Two to this power are the rows that an order's contexts are hashed to."},
          {.name = "context_rate",
           .minimum = 0,
           .maximum = 100,
           .default_value = 1.2,
           .sentence = "Rate of a context's first update.",
           .changeable = true},
          {.name = "context_rate_fall",
           .minimum = 0,
           .maximum = 1,
           .default_value = 0.35,
           .sentence = "A row that has learned t times has the rate context_rate / (1 + t) to this "
                       "power.",
           .changeable = true},
          {.name = "context_least_rate",
           .minimum = 0,
           .maximum = 100,
           .default_value = 0.02,
           .sentence = "The rate of a context falls no lower.",
           .changeable = true}};
}

template <typename T>
void ContextTable<T>::Visit(StateVisitor& visitor) {
  visitor.Fixed("context_rows", rows);
  visitor.Fixed("context_counts", learned);
}

template <typename T>
Contexts<T>::Contexts(const PartSpec& head) : bits_(head.Integer("context_bits")) {
  Change(head);
  for (std::int64_t order = 1; order <= head.Integer("context_orders"); ++order) {
    first_row_.push_back(rows_);
    rows_ += TableRows(order, bits_);
  }
}

template <typename T>
void Contexts<T>::Change(const PartSpec& head) {
  rate_ = head.Number("context_rate");
  fall_ = head.Number("context_rate_fall");
  least_rate_ = head.Number("context_least_rate");
}

template <typename T>
ContextTable<T> Contexts<T>::MakeTable() const {
  return {std::vector<T>(static_cast<std::size_t>(rows_ * kOutputs), T{0}),
          std::vector<std::int64_t>(static_cast<std::size_t>(rows_), 0)};
}

template <typename T>
void Contexts<T>::Step(std::int64_t byte, const T* before, T* after) const {
  if (empty()) return;
  if (byte == kNoByte) {
    std::copy_n(before, kHistory, after);
    return;
  }
  std::copy_backward(before, before + kHistory - 1, after + kHistory);
  after[0] = static_cast<T>(byte);
}

template <typename T>
std::int64_t Contexts<T>::Row(const T* history, std::int64_t order) const {
  std::uint64_t key = 0;
  for (std::int64_t i = order; i-- > 0;) {
    key = key << kByteBits | static_cast<std::uint64_t>(history[i]);
  }
  if (kByteBits * order > bits_) {
    key = Mixed(key + (static_cast<std::uint64_t>(order) << 32)) >> (64 - bits_);
  }
  return first_row_[static_cast<std::size_t>(order - 1)] + static_cast<std::int64_t>(key);
}

template <typename T>
T Contexts<T>::Rate(std::int64_t learned) const {
  const double fall = kernels::Exp(-fall_ * kernels::Log(1.0 + static_cast<double>(learned)));
  return static_cast<T>(std::max(rate_ * fall, least_rate_));
}

template <typename T>
void Contexts<T>::AddLogits(const ContextTable<T>& table, const T* history, T* logits) const {
  for (std::int64_t order = 1; order <= orders(); ++order) {
    const T* const row = table.rows.data() + Row(history, order) * kOutputs;
    kernels::AddScaled(row, T{1}, kOutputs, logits);
  }
}

template <typename T>
void Contexts<T>::Learn(const T* history, const T* dy, ContextTable<T>* table) const {
  for (std::int64_t order = 1; order <= orders(); ++order) {
    const std::int64_t row = Row(history, order);
    std::int64_t& learned = table->learned[static_cast<std::size_t>(row)];
    kernels::AddScaled(dy, -Rate(learned), kOutputs, table->rows.data() + row * kOutputs);
    ++learned;
  }
}

template struct ContextTable<float>;
template struct ContextTable<double>;
template class Contexts<float>;
template class Contexts<double>;

}  // namespace millrace::engine
