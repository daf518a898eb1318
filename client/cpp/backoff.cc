#include "client/cpp/backoff.h"

#include <algorithm>

namespace millrace::client {

Backoff::Backoff(absl::Duration first, absl::Duration most, std::uint64_t seed)
    : first_(first), most_(most), random_(seed) {}

absl::Duration Backoff::Next() {
  constexpr int kMostDoublings = 30;
  const double factor = static_cast<double>(1u << std::min(attempts_, kMostDoublings));
  ++attempts_;
  const absl::Duration whole = std::min(most_, first_ * factor);
  return whole * std::uniform_real_distribution<double>(0.5, 1.0)(random_);
}

}  // namespace millrace::client
