#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "tests/bench/gpu/floors.h"

namespace millrace::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

Floors MeasureHostFloors() {
  Floors floors{.device = "host"};
  std::vector<char> from(std::size_t{16} << 20, 1), to(from.size());
  const Clock::time_point copy = Clock::now();
  std::memcpy(to.data(), from.data(), from.size());
  floors.copy_bytes_per_s = 2.0 * static_cast<double>(from.size()) / Since(copy);
  constexpr int kRounds = 1 << 20;
  constexpr std::size_t kChains = 8;
  float chains[kChains] = {};
  const Clock::time_point add = Clock::now();
  for (int round = 0; round < kRounds; ++round) {
    for (float& chain : chains) chain = chain * 0.999F + 0.001F;
  }
  const double seconds = Since(add);
  // So that nothing of it is left out.
  const bool right = to[0] == 1 && std::isfinite(chains[0]);
  floors.operations_per_s = right ? 2.0 * kRounds * static_cast<double>(kChains) / seconds : 0;
  return floors;
}

}  // namespace millrace::bench
