// A block of threads on the host for kernels/device/team.h: HostBlock with what a team asks for
// beside it. Registers and shared memory begin as NaN.
//
// Not thread-safe. Cost: that of the steps, unvectorised.
#ifndef MILLRACE_KERNELS_TESTING_HOST_TEAM_H_
#define MILLRACE_KERNELS_TESTING_HOST_TEAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/device/fragments.h"
#include "kernels/device/plan.h"
#include "kernels/math/rounding.h"
#include "kernels/testing/host_block.h"
#include "kernels/testing/host_fragments.h"

namespace millrace::kernels::testing {

// The registers of all threads.
template <typename A>
class HostHeld {
 public:
  HostHeld() : values_(device::kThreads) {
    std::memset(static_cast<void*>(values_.data()), 0xff, values_.size() * sizeof(A));
  }
  A& Of(int t) { return values_[static_cast<std::size_t>(t)]; }

 private:
  std::vector<A> values_;
};

class HostTeam : public HostBlock {
 public:
  HostTeam(std::int64_t shared_bytes, Order order)
      : HostBlock(device::kThreads, order),
        shared_(static_cast<std::size_t>((shared_bytes + 31) / 32)) {
    std::memset(static_cast<void*>(shared_.data()), 0xff, shared_.size() * sizeof(Line));
  }

  void* Shared() { return shared_.data(); }

  template <typename Body>
  bool Any(const Body& body) {
    bool any = false;
    Phase([&](int t) { any = body(t) || any; });
    return any;
  }

  template <typename A>
  HostHeld<A> Registers() {
    return {};
  }

  float Tf32(float x) const { return RoundToTf32(x); }

  template <typename Operands, typename Held, typename Load>
  void Multiply(int steps, const Load& load, Held& held) {
    std::array<Operands, device::kWarp> operands;
    for (int first = 0; first < device::kThreads; first += device::kWarp) {
      for (int step = 0; step < steps; ++step) {
        for (int lane = 0; lane < device::kWarp; ++lane) {
          operands[static_cast<std::size_t>(lane)] = load(first + lane, step);
        }
        MultiplyWarp(first, operands, held);
      }
    }
  }

 private:
  template <typename Operands, typename Held>
  static void MultiplyWarp(int first, const std::array<Operands, device::kWarp>& operands,
                           Held& held) {
    for (int m = 0; m < Operands::kLeftCount; ++m) {
      for (int n = 0; n < Operands::kRightCount; ++n) {
        const Sums product = ProductOf(operands.data(), m, n);
        for (int lane = 0; lane < device::kWarp; ++lane) {
          for (int i = 0; i < 4; ++i) {
            held.Of(first + lane).sum[m][n].at[i] += product[static_cast<std::size_t>(lane)].at[i];
          }
        }
      }
    }
  }

  struct alignas(32) Line {
    unsigned char bytes[32];
  };
  std::vector<Line> shared_;
};

}  // namespace millrace::kernels::testing

#endif  // MILLRACE_KERNELS_TESTING_HOST_TEAM_H_
