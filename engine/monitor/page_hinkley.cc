#include "engine/monitor/page_hinkley.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernels/math/sqrt.h"

namespace millrace::engine {
namespace {

// A constant signal has deviation 0 but for rounding; any real change of it is a change.
constexpr double kLeastRelativeDeviation = 1e-9;
constexpr double kLeastDeviation = 1e-150;

}  // namespace

std::optional<PageHinkley::Alarm> PageHinkley::Add(double x, std::uint64_t seq) {
  if (values_ < settings_.warmup) {
    ++values_;
    baseline_.Add(x, settings_.decay);
    least_seq_ = seq;
    return std::nullopt;
  }
  const double mean = baseline_.mean();
  const double size = std::max(mean, -mean);
  const double deviation = std::max(
      {kernels::Sqrt(baseline_.variance()), kLeastRelativeDeviation * size, kLeastDeviation});
  const double most = settings_.threshold / 4;
  const double scaled = std::clamp((x - mean) / deviation, -most, most);
  baseline_.Add(mean + scaled * deviation, settings_.decay);
  gap_ = gap_ + scaled - settings_.delta;
  ++since_least_;
  if (gap_ <= 0) {
    gap_ = 0;
    least_seq_ = seq;
    since_least_ = 0;
  }
  if (gap_ <= settings_.threshold) return std::nullopt;
  const Alarm alarm{least_seq_, since_least_};
  *this = PageHinkley(settings_);
  return alarm;
}

void PageHinkley::Visit(StateVisitor& visitor, absl::string_view name) {
  baseline_.Visit(visitor, absl::StrCat(name, ".baseline"));
  visitor.Value(absl::StrCat(name, ".values"), values_);
  visitor.Value(absl::StrCat(name, ".gap"), gap_);
  visitor.Value(absl::StrCat(name, ".least_seq"), least_seq_);
  visitor.Value(absl::StrCat(name, ".since_least"), since_least_);
}

}  // namespace millrace::engine
