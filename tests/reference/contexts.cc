#include "tests/reference/contexts.h"

#include <algorithm>
#include <cmath>

namespace millrace::reference {

Contexts::Contexts(const Part& head)
    : orders_(head.Integer("context_orders", 0)),
      bits_(head.Integer("context_bits", 14)),
      rate_(head.Number("context_rate", 1.2)),
      fall_(head.Number("context_rate_fall", 0.35)),
      least_rate_(head.Number("context_least_rate", 0.02)) {}

Vector Contexts::Push(const Vector& history, const Vector& z) {
  const auto byte = std::find(z.begin(), z.end(), 1.0);
  if (byte == z.end()) return history;
  Vector after = history;
  after.insert(after.begin(), static_cast<double>(byte - z.begin()));
  after.pop_back();
  return after;
}

std::uint64_t Contexts::RowOf(const Vector& history, int order) const {
  std::uint64_t key = 0;
  for (int i = 0; i < order; ++i) {
    key += static_cast<std::uint64_t>(history[i]) << (8 * i);
  }
  if (8 * order <= bits_) return key;
  std::uint64_t h = key + static_cast<std::uint64_t>(order) * (std::uint64_t{1} << 32);
  h *= 0x9E3779B97F4A7C15ULL;
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93ULL;
  h ^= h >> 32;
  return h >> (64 - bits_);
}

void Contexts::AddLogits(const Vector& history, Vector* logits) const {
  for (int order = 1; order <= orders_; ++order) {
    const auto row = rows_.find({order, RowOf(history, order)});
    if (row == rows_.end()) continue;
    for (std::size_t k = 0; k < logits->size(); ++k) (*logits)[k] += row->second.weights[k];
  }
}

void Contexts::Learn(const Vector& history, const Vector& dz) {
  for (int order = 1; order <= orders_; ++order) {
    Row& row = rows_[{order, RowOf(history, order)}];
    const double rate =
        std::max(rate_ / std::pow(1.0 + static_cast<double>(row.learned), fall_), least_rate_);
    for (std::size_t k = 0; k < dz.size(); ++k) row.weights[k] -= rate * dz[k];
    ++row.learned;
  }
}

}  // namespace millrace::reference
