// How two streams that score the same units compare: the mean of the differences of their losses,
// and an interval for it.
//
// Both say now and then where they stand, under a key that is the same for both at the same event.
// Where both have said it, the units since the last such place are paired; kBlockSteps steps and
// kBlockUnits units (a unit may be the release of a whole trial) or more of them make a block.
// Blocks are taken as independent, units are not: losses have memory. Blocks differ in length, so
// the mean over all units is a ratio of two sums over blocks, and its variance is a ratio's: k / (k
// - 1) sum_b (d_b - mean u_b)^2 / (sum_b u_b)^2 of k blocks of u_b units and summed difference d_b
// (Cochran 1977, Sampling Techniques, ch. 6). The interval is Student's, at 95 %, from kLeastBlocks
// blocks on. Nothing but sums is kept, so that a restart loses nothing: the block that was open
// goes on. Thread-compatible. O(1) a place.
#ifndef MILLRACE_SERVER_RUNTIME_COMPARISON_H_
#define MILLRACE_SERVER_RUNTIME_COMPARISON_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "server/store/records.pb.h"

namespace millrace::server {

// Units scored, their steps, and the sum of the units' served losses.
struct Tally {
  std::uint64_t units = 0, steps = 0;
  double loss_sum = 0;

  // Whether what came since `before` is a block.
  bool IsBlockSince(const Tally& before) const;
};

struct Interval {
  double mean = 0, low = 0, high = 0;
};

class Comparison {
 public:
  static constexpr std::uint64_t kBlockUnits = 5, kBlockSteps = 50;
  static constexpr std::uint64_t kLeastBlocks = 8;

  // Begins where both stand at `begin`, or goes on from what was stored.
  explicit Comparison(const Tally& begin);
  explicit Comparison(const store::v1::PairedLosses& stored);
  store::v1::PairedLosses Stored() const;

  // Keys rise. True where a block was completed: what is stored has changed.
  bool Ours(std::uint64_t key, const Tally& tally);
  bool Theirs(std::uint64_t key, const Tally& tally);
  // The other's counts begin anew, at another place: everything is compared from here on.
  void Restart();

  std::uint64_t units() const { return last_ours_.units - first_ours_.units; }
  // Of the units compared; absent where there are none.
  std::optional<double> our_mean() const;
  std::optional<double> their_mean() const;
  // Ours minus theirs.
  std::optional<Interval> Difference() const;

 private:
  struct Place {
    std::uint64_t key = 0;
    Tally tally;
  };
  bool Join();
  bool Pair(const Tally& ours, const Tally& theirs);

  std::deque<Place> ours_, theirs_;
  Tally first_ours_, first_theirs_, last_ours_, last_theirs_;
  bool begins_ = false;  // the next pair is where it begins
  std::uint64_t blocks_ = 0;
  // Sums over the blocks, of a block's units u and its summed difference d.
  double squared_differences_ = 0, weighted_differences_ = 0, squared_units_ = 0;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_COMPARISON_H_
