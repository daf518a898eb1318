#include "server/page/history.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/time/clock.h"

namespace millrace::server {
namespace {

constexpr std::size_t kMostLookedAt = 16;
constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

CurvePoint PointOf(const v1::StreamStats& stats, absl::Time now) {
  CurvePoint point;
  point.time_s = absl::ToDoubleSeconds(now - absl::UnixEpoch());
  point.step = stats.applied_seq();
  point.live_loss = stats.has_live_loss() ? static_cast<float>(stats.live_loss()) : kAbsent;
  point.shadow_loss = stats.has_shadow_loss() ? static_cast<float>(stats.shadow_loss()) : kAbsent;
  point.recovery = stats.has_recovery() ? static_cast<float>(stats.recovery()) : kAbsent;
  return point;
}

}  // namespace

void Curve::Add(const CurvePoint& point) {
  if (!recent_.empty() && point.step == recent_.back().step) return;
  if (!recent_.empty() && point.step < recent_.back().step) *this = Curve();
  recent_.push_back(point);
  if (recent_.size() > kMostPoints) recent_.pop_front();
  if (taken_++ % stride_ != 0) return;
  whole_.push_back(point);
  if (whole_.size() < kMostPoints) return;
  for (std::size_t i = 0; 2 * i < whole_.size(); ++i) whole_[i] = whole_[2 * i];
  whole_.resize((whole_.size() + 1) / 2);
  stride_ *= 2;
}

History::History(Runtime* runtime, std::vector<std::string> watched_streams, absl::Duration period)
    : runtime_(runtime),
      watched_streams_(std::move(watched_streams)),
      thread_([this, period] { Run(period); }) {}

History::~History() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void History::Look(const std::string& stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find(looked_at_.begin(), looked_at_.end(), stream);
  if (found != looked_at_.end()) looked_at_.erase(found);
  looked_at_.push_front(stream);
  if (looked_at_.size() > kMostLookedAt) looked_at_.pop_back();
}

Curve History::Of(const std::string& stream) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = curves_.find(stream);
  return found == curves_.end() ? Curve() : found->second;
}

std::vector<std::string> History::Followed() const {
  std::vector<std::string> wanted;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    wanted.assign(looked_at_.begin(), looked_at_.end());
  }
  wanted.insert(wanted.end(), watched_streams_.begin(), watched_streams_.end());
  v1::ListStreamsRequest request;
  request.set_page_size(static_cast<int>(kMostStreams));
  if (const auto listed = runtime_->ListStreams(request); listed.ok()) {
    for (const v1::Stream& stream : listed->streams()) wanted.push_back(stream.id());
  }
  std::set<std::string> seen;
  std::vector<std::string> followed;
  for (std::string& stream : wanted) {
    if (followed.size() == kMostStreams) break;
    if (seen.insert(stream).second) followed.push_back(std::move(stream));
  }
  return followed;
}

void History::Sample(absl::Time now) {
  std::map<std::string, CurvePoint> points;
  for (const std::string& stream : Followed()) {
    const absl::StatusOr<v1::StreamStats> stats = runtime_->StatsNow(stream);
    if (stats.ok()) points.emplace(stream, PointOf(*stats, now));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto curve = curves_.begin(); curve != curves_.end();) {
    curve = points.count(curve->first) > 0 ? std::next(curve) : curves_.erase(curve);
  }
  for (const auto& [stream, point] : points) curves_[stream].Add(point);
}

void History::Run(absl::Duration period) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    lock.unlock();
    Sample(absl::Now());
    lock.lock();
    stopped_.wait_for(lock, absl::ToChronoNanoseconds(period), [this] { return stop_; });
  }
}

}  // namespace millrace::server
