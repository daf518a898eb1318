// A block of threads on the host, for kernels/steps/block.h: a phase is a loop over the threads.
//
// It runs the code of a GPU's block where there is no GPU. The order of the threads within a phase
// can be turned round: a step whose phase reads what another thread writes gives other results
// then. Scratch begins as NaN, so that reading it too early shows as well.
//
//   HostBlock block(64, HostBlock::Order::kFalling);
//   steps::BlockExecutor exec(block);
//   steps::Softmax<float>{z, m, probabilities}.Run(exec);
//
// Not thread-safe. Cost: that of the steps, unvectorised.
#ifndef MILLRACE_KERNELS_TESTING_HOST_BLOCK_H_
#define MILLRACE_KERNELS_TESTING_HOST_BLOCK_H_

#include <cstring>

#include "kernels/steps/block.h"

namespace millrace::kernels::testing {

class HostBlock {
 public:
  // kInterleaved: the odd threads first, then the even ones.
  enum class Order { kRising, kFalling, kInterleaved };

  // threads: 1 to steps::kMaxThreads.
  explicit HostBlock(int threads, Order order = Order::kRising) : threads_(threads), order_(order) {
    std::memset(scratch_, 0xff, sizeof(scratch_));
  }

  int Threads() const { return threads_; }
  void* Scratch() { return scratch_; }

  template <typename Body>
  void Phase(const Body& body) {
    switch (order_) {
      case Order::kRising:
        for (int t = 0; t < threads_; ++t) body(t);
        break;
      case Order::kFalling:
        for (int t = threads_ - 1; t >= 0; --t) body(t);
        break;
      case Order::kInterleaved:
        for (int t = 1; t < threads_; t += 2) body(t);
        for (int t = 0; t < threads_; t += 2) body(t);
        break;
    }
  }

 private:
  int threads_;
  Order order_;
  alignas(double) unsigned char scratch_[steps::kScratchBytes];
};

}  // namespace millrace::kernels::testing

#endif  // MILLRACE_KERNELS_TESTING_HOST_BLOCK_H_
