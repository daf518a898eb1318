// A block for kernels/device/team.h whose threads are threads: they meet at the end of a phase and
// nowhere else, as on a GPU. A loop over thread numbers (host_team.h) runs once what stands outside
// a phase; here each thread does, so a race between that and a phase is one, and ThreadSanitizer
// finds it.
//
//   ThreadedBlock block(shared_bytes);
//   block.Run([&](ThreadedTeam& thread) { ... });   // of every thread
//
// Cost: a few thousand microseconds a phase, whatever it does.
#ifndef MILLRACE_KERNELS_TESTING_THREADED_TEAM_H_
#define MILLRACE_KERNELS_TESTING_THREADED_TEAM_H_

#include <algorithm>
#include <array>
#include <barrier>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels/device/fragments.h"
#include "kernels/device/plan.h"
#include "kernels/math/rounding.h"
#include "kernels/ops.h"
#include "kernels/steps/block.h"
#include "kernels/testing/host_fragments.h"

namespace millrace::kernels::testing {

class ThreadedTeam;

// What the threads of a block share; it begins as NaN.
class ThreadedBlock {
 public:
  explicit ThreadedBlock(std::int64_t shared_bytes)
      : shared_(static_cast<std::size_t>((shared_bytes + 31) / 32)) {
    std::memset(static_cast<void*>(shared_.data()), 0xff, shared_.size() * sizeof(Line));
    std::memset(scratch_, 0xff, sizeof(scratch_));
  }

  template <typename Body>
  void Run(const Body& body);

 private:
  friend class ThreadedTeam;
  struct alignas(32) Line {
    unsigned char bytes[32];
  };

  std::vector<Line> shared_;
  alignas(double) unsigned char scratch_[steps::kScratchBytes];
  std::array<unsigned char, device::kThreads> found_{};
  std::array<std::array<unsigned char, 128>, device::kThreads> operands_{};
  std::barrier<> barrier_{device::kThreads};
};

// Of one thread: it has only its own.
template <typename A>
class ThreadHeld {
 public:
  ThreadHeld() { std::memset(static_cast<void*>(&value_), 0xff, sizeof(value_)); }
  A& Of(int) { return value_; }

 private:
  A value_;
};

// The block as thread t sees it.
class ThreadedTeam {
 public:
  ThreadedTeam(ThreadedBlock* block, int t) : block_(*block), t_(t) {}

  int Threads() const { return device::kThreads; }
  void* Scratch() { return block_.scratch_; }
  void* Shared() { return block_.shared_.data(); }
  template <typename Body>
  void Phase(const Body& body) {
    body(t_);
    block_.barrier_.arrive_and_wait();
  }
  template <typename Body>
  bool Any(const Body& body) {
    block_.found_[static_cast<std::size_t>(t_)] = body(t_) ? 1 : 0;
    block_.barrier_.arrive_and_wait();
    const bool any = std::any_of(block_.found_.begin(), block_.found_.end(),
                                 [](unsigned char found) { return found != 0; });
    block_.barrier_.arrive_and_wait();
    return any;
  }
  template <typename A>
  ThreadHeld<A> Registers() {
    return {};
  }

  float Tf32(float x) const { return RoundToTf32(x); }
  // Each thread makes the whole product of its warp and takes its own part of it.
  template <typename Operands, typename Held, typename Load>
  void Multiply(int steps, const Load& load, Held& held) {
    std::array<Operands, device::kWarp> operands;
    static_assert(sizeof(Operands) <= sizeof(block_.operands_[0]));
    const int lane = t_ % device::kWarp;
    for (int step = 0; step < steps; ++step) {
      const Operands own = load(t_, step);
      std::memcpy(&block_.operands_[static_cast<std::size_t>(t_)], &own, sizeof(own));
      block_.barrier_.arrive_and_wait();
      for (int i = 0; i < device::kWarp; ++i) {
        std::memcpy(&operands[static_cast<std::size_t>(i)],
                    &block_.operands_[static_cast<std::size_t>(t_ - lane + i)], sizeof(own));
      }
      block_.barrier_.arrive_and_wait();
      for (int m = 0; m < Operands::kLeftCount; ++m) {
        for (int n = 0; n < Operands::kRightCount; ++n) {
          const Sums product = ProductOf(operands.data(), m, n);
          for (int i = 0; i < 4; ++i) {
            held.Of(t_).sum[m][n].at[i] += product[static_cast<std::size_t>(lane)].at[i];
          }
        }
      }
    }
    block_.barrier_.arrive_and_wait();
  }

 private:
  ThreadedBlock& block_;
  const int t_;
};

template <typename Body>
void ThreadedBlock::Run(const Body& body) {
  std::vector<std::thread> threads;
  threads.reserve(device::kThreads);
  for (int t = 0; t < device::kThreads; ++t) {
    threads.emplace_back([this, t, &body] {
      const FlushDenormals flush;
      ThreadedTeam thread(this, t);
      body(thread);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace millrace::kernels::testing

#endif  // MILLRACE_KERNELS_TESTING_THREADED_TEAM_H_
