// The latest marks, the reference of the last loss mark, and the time to recover from it.
//
// Reference: mean loss of the `reference_units` units before the mark's date. Losses of the last
// reference_units + 512 units are held; a mark raised more than 512 units after its date takes the
// oldest reference_units held.
// Shock: mean loss of the units after the date, up to the one that raised the mark.
// Recovered: the average has stayed at or below reference + 10 % of (shock - reference) for one
// half-life; the time counts from the date to the first unit of that stay, and so is at least the
// delay of the detection. The next loss mark censors it.
// Thread-compatible; O(reference_units) at a mark, else O(1); nothing allocated after construction.
#ifndef MILLRACE_ENGINE_MONITOR_MARKS_H_
#define MILLRACE_ENGINE_MONITOR_MARKS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/monitor/page_hinkley.h"
#include "engine/state.h"
#include "engine/stats.h"

namespace millrace::engine {

class Marks {
 public:
  Marks(std::int64_t reference_units, std::int64_t half_life);

  // One unit's loss, then, where the detector says so, RaiseLoss, then Track.
  void AddUnit(double loss);
  // `given_reference` stands in for the measured one in the time to recover.
  void RaiseLoss(const PageHinkley::Alarm& alarm, std::uint64_t seq,
                 std::optional<double> given_reference);
  void Track(double average);

  void RaiseInput(const PageHinkley::Alarm& alarm, std::uint64_t seq);

  // Of the last loss mark; absent before the first.
  std::optional<double> reference() const;
  // Squared standard error of the reference over its units.
  double reference_variance() const { return reference_variance_; }
  const std::vector<ShiftMark>& latest() const { return latest_; }
  std::uint64_t raised() const { return raised_; }  // so far, those pushed out included

  void Visit(StateVisitor& visitor);

 private:
  double LossAgo(std::int64_t units) const;  // 0: the last one
  void MeasureReference(std::int64_t date_ago);
  void Push(const ShiftMark& mark);
  ShiftMark* Tracked();

  std::int64_t reference_units_;
  std::int64_t half_life_;
  std::vector<double> losses_;  // ring
  std::int64_t units_ = 0;      // so far
  std::vector<ShiftMark> latest_;
  std::uint64_t raised_ = 0;

  bool has_reference_ = false;
  double reference_ = 0;
  double reference_variance_ = 0;
  bool tracking_ = false;  // the last loss mark is neither recovered nor censored
  double recovered_at_ = 0;
  std::int64_t date_unit_ = 0;
  std::int64_t stay_units_ = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_MONITOR_MARKS_H_
