#include "server/runtime/comparison.h"

#include <algorithm>
#include <cmath>

namespace millrace::server {
namespace {

// Places of one that the other has not said yet; the oldest go beyond it.
constexpr std::size_t kMostPlaces = 4096;

// The 97.5 % quantile of Student's distribution, by its expansion about the normal one (Hill 1970):
// within 0.01 from 7 degrees of freedom on.
double StudentQuantile(double freedom) {
  constexpr double z = 1.959963984540054;
  const double z3 = z * z * z, z5 = z3 * z * z;
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom);
}

Tally FromStored(std::uint64_t units, double loss_sum, std::uint64_t steps = 0) {
  return {.units = units, .steps = steps, .loss_sum = loss_sum};
}

std::optional<double> MeanBetween(const Tally& first, const Tally& last) {
  if (last.units <= first.units) return std::nullopt;
  return (last.loss_sum - first.loss_sum) / static_cast<double>(last.units - first.units);
}

}  // namespace

bool Tally::IsBlockSince(const Tally& before) const {
  return units >= before.units + Comparison::kBlockUnits &&
         steps >= before.steps + Comparison::kBlockSteps;
}

Comparison::Comparison(const Tally& begin)
    : first_ours_(begin), first_theirs_(begin), last_ours_(begin), last_theirs_(begin) {}

Comparison::Comparison(const store::v1::PairedLosses& stored)
    : first_ours_(FromStored(stored.first_units(), stored.first_loss_sum())),
      first_theirs_(FromStored(stored.first_other_units(), stored.first_other_loss_sum())),
      last_ours_(FromStored(stored.last_units(), stored.last_loss_sum(), stored.last_steps())),
      last_theirs_(FromStored(stored.last_other_units(), stored.last_other_loss_sum())),
      begins_(stored.begins()),
      blocks_(stored.blocks()),
      squared_differences_(stored.squared_differences()),
      weighted_differences_(stored.weighted_differences()),
      squared_units_(stored.squared_units()) {}

store::v1::PairedLosses Comparison::Stored() const {
  store::v1::PairedLosses stored;
  stored.set_first_units(first_ours_.units);
  stored.set_first_loss_sum(first_ours_.loss_sum);
  stored.set_first_other_units(first_theirs_.units);
  stored.set_first_other_loss_sum(first_theirs_.loss_sum);
  stored.set_last_units(last_ours_.units);
  stored.set_last_loss_sum(last_ours_.loss_sum);
  stored.set_last_steps(last_ours_.steps);
  stored.set_last_other_units(last_theirs_.units);
  stored.set_last_other_loss_sum(last_theirs_.loss_sum);
  stored.set_begins(begins_);
  stored.set_blocks(blocks_);
  stored.set_squared_differences(squared_differences_);
  stored.set_weighted_differences(weighted_differences_);
  stored.set_squared_units(squared_units_);
  return stored;
}

bool Comparison::Ours(std::uint64_t key, const Tally& tally) {
  if (ours_.size() == kMostPlaces) ours_.pop_front();
  ours_.push_back({key, tally});
  return Join();
}

bool Comparison::Theirs(std::uint64_t key, const Tally& tally) {
  if (theirs_.size() == kMostPlaces) theirs_.pop_front();
  theirs_.push_back({key, tally});
  return Join();
}

void Comparison::Restart() {
  ours_.clear();
  theirs_.clear();
  begins_ = true;
}

bool Comparison::Join() {
  bool completed = false;
  while (!ours_.empty() && !theirs_.empty()) {
    const std::uint64_t ours = ours_.front().key, theirs = theirs_.front().key;
    if (ours == theirs) completed = Pair(ours_.front().tally, theirs_.front().tally) || completed;
    if (ours <= theirs) ours_.pop_front();
    if (theirs <= ours) theirs_.pop_front();
  }
  return completed;
}

bool Comparison::Pair(const Tally& ours, const Tally& theirs) {
  if (begins_) {
    begins_ = false;
    first_ours_ = last_ours_ = ours;
    first_theirs_ = last_theirs_ = theirs;
    blocks_ = 0;
    squared_differences_ = weighted_differences_ = squared_units_ = 0;
    return true;
  }
  if (!ours.IsBlockSince(last_ours_)) return false;
  const auto block_units = static_cast<double>(ours.units - last_ours_.units);
  const double difference =
      (ours.loss_sum - last_ours_.loss_sum) - (theirs.loss_sum - last_theirs_.loss_sum);
  last_ours_ = ours;
  last_theirs_ = theirs;
  ++blocks_;
  squared_differences_ += difference * difference;
  weighted_differences_ += block_units * difference;
  squared_units_ += block_units * block_units;
  return true;
}

std::optional<double> Comparison::our_mean() const { return MeanBetween(first_ours_, last_ours_); }

std::optional<double> Comparison::their_mean() const {
  return MeanBetween(first_theirs_, last_theirs_);
}

std::optional<Interval> Comparison::Difference() const {
  if (blocks_ < kLeastBlocks) return std::nullopt;
  const auto freedom = static_cast<double>(blocks_ - 1);
  const double mean = *our_mean() - *their_mean();
  const double deviations =
      squared_differences_ - 2 * mean * weighted_differences_ + mean * mean * squared_units_;
  const double variance = std::max(deviations, 0.0) * static_cast<double>(blocks_) / freedom;
  const double half = StudentQuantile(freedom) * std::sqrt(variance) / static_cast<double>(units());
  return Interval{.mean = mean, .low = mean - half, .high = mean + half};
}

}  // namespace millrace::server
