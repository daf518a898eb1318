#include "engine/monitor/marks.h"

#include <algorithm>

namespace millrace::engine {
namespace {

constexpr std::int64_t kLongestDelayUnits = 512;
constexpr std::size_t kMaxMarks = 32;
constexpr double kRecoveredShare = 0.1;
// A mark as integers: cause, date, detected, units to recover + 1 (0: not), censored.
constexpr std::size_t kMarkFields = 5;

std::vector<std::int64_t> ToIntegers(const std::vector<ShiftMark>& marks) {
  std::vector<std::int64_t> integers;
  integers.reserve(kMarkFields * marks.size());
  for (const ShiftMark& mark : marks) {
    integers.push_back(mark.cause == ShiftMark::Cause::kInput ? 1 : 0);
    integers.push_back(static_cast<std::int64_t>(mark.seq));
    integers.push_back(static_cast<std::int64_t>(mark.detected_seq));
    integers.push_back(mark.units_to_recover ? static_cast<std::int64_t>(*mark.units_to_recover) + 1
                                             : 0);
    integers.push_back(mark.censored ? 1 : 0);
  }
  return integers;
}

void FromIntegers(const std::vector<std::int64_t>& integers, std::vector<ShiftMark>* marks) {
  marks->clear();
  const std::size_t count = std::min(integers.size() / kMarkFields, kMaxMarks);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t* field = integers.data() + kMarkFields * i;
    ShiftMark mark;
    mark.cause = field[0] == 1 ? ShiftMark::Cause::kInput : ShiftMark::Cause::kLoss;
    mark.seq = static_cast<std::uint64_t>(field[1]);
    mark.detected_seq = static_cast<std::uint64_t>(field[2]);
    if (field[3] > 0) mark.units_to_recover = static_cast<std::uint64_t>(field[3] - 1);
    mark.censored = field[4] != 0;
    marks->push_back(mark);
  }
}

}  // namespace

Marks::Marks(std::int64_t reference_units, std::int64_t half_life)
    : reference_units_(reference_units),
      half_life_(half_life),
      losses_(static_cast<std::size_t>(reference_units + kLongestDelayUnits), 0.0) {
  latest_.reserve(kMaxMarks);
}

void Marks::AddUnit(double loss) {
  losses_[static_cast<std::size_t>(units_) % losses_.size()] = loss;
  ++units_;
}

double Marks::LossAgo(std::int64_t units) const {
  return losses_[static_cast<std::size_t>(units_ - 1 - units) % losses_.size()];
}

void Marks::MeasureReference(std::int64_t date_ago) {
  const auto ring = static_cast<std::int64_t>(losses_.size());
  const std::int64_t held = std::min(units_, ring);
  // Strictly before the date; where they are no longer held the oldest, where there never were
  // any the date's own unit.
  const std::int64_t oldest_allowed = held == ring ? ring - reference_units_ : held - 1;
  const std::int64_t first = std::min(date_ago + 1, oldest_allowed);
  const std::int64_t last = std::min(first + reference_units_, held) - 1;
  Average mean;
  for (std::int64_t ago = last; ago >= first; --ago) mean.Add(LossAgo(ago), 1.0);
  has_reference_ = true;
  reference_ = mean.mean();
  reference_variance_ = last > first ? mean.mean_variance() : 0;
}

void Marks::RaiseLoss(const PageHinkley::Alarm& alarm, std::uint64_t seq,
                      std::optional<double> given_reference) {
  if (ShiftMark* last = Tracked()) last->censored = true;
  MeasureReference(alarm.values_ago);
  const auto held = std::min(units_, static_cast<std::int64_t>(losses_.size()));
  Average shock;
  for (std::int64_t ago = std::min(alarm.values_ago, held) - 1; ago >= 0; --ago) {
    shock.Add(LossAgo(ago), 1.0);
  }
  const double reference = given_reference.value_or(reference_);
  recovered_at_ = reference + kRecoveredShare * (shock.mean() - reference);
  tracking_ = true;
  date_unit_ = units_ - alarm.values_ago;
  stay_units_ = 0;
  Push({ShiftMark::Cause::kLoss, alarm.seq, seq, std::nullopt, false});
}

void Marks::Track(double average) {
  if (!tracking_) return;
  stay_units_ = average <= recovered_at_ ? stay_units_ + 1 : 0;
  if (stay_units_ < half_life_) return;
  ShiftMark* mark = Tracked();
  tracking_ = false;
  if (mark == nullptr) return;  // pushed out by input marks
  mark->units_to_recover = static_cast<std::uint64_t>(units_ - stay_units_ + 1 - date_unit_);
}

void Marks::RaiseInput(const PageHinkley::Alarm& alarm, std::uint64_t seq) {
  Push({ShiftMark::Cause::kInput, alarm.seq, seq, std::nullopt, false});
}

std::optional<double> Marks::reference() const {
  if (!has_reference_) return std::nullopt;
  return reference_;
}

void Marks::Push(const ShiftMark& mark) {
  if (latest_.size() == kMaxMarks) latest_.erase(latest_.begin());
  latest_.push_back(mark);
  ++raised_;
}

ShiftMark* Marks::Tracked() {
  if (!tracking_) return nullptr;
  for (auto mark = latest_.rbegin(); mark != latest_.rend(); ++mark) {
    if (mark->cause == ShiftMark::Cause::kLoss) return &*mark;
  }
  return nullptr;
}

void Marks::Visit(StateVisitor& visitor) {
  visitor.Fixed("marks.losses", losses_);
  visitor.Value("marks.units", units_);
  std::vector<std::int64_t> integers = ToIntegers(latest_);
  visitor.Resizable("marks.latest", integers);
  FromIntegers(integers, &latest_);
  visitor.Value("marks.raised", raised_);
  visitor.Value("marks.has_reference", has_reference_);
  visitor.Value("marks.reference", reference_);
  visitor.Value("marks.reference_variance", reference_variance_);
  visitor.Value("marks.tracking", tracking_);
  visitor.Value("marks.recovered_at", recovered_at_);
  visitor.Value("marks.date_unit", date_unit_);
  visitor.Value("marks.stay_units", stay_units_);
}

}  // namespace millrace::engine
