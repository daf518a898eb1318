#include "server/metrics/shift_ends.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "server/metrics/families.h"

namespace millrace::server {

using prometheus::MetricType;

namespace {

constexpr std::size_t kMostModels = 10000;

}  // namespace

std::vector<double> ShiftEnds::UnitBounds() {
  return {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000};
}

ShiftEnds::OfModel& ShiftEnds::ModelAt(const std::string& name) {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second;
  return models_[models_.size() < kMostModels ? name : "other"];
}

void ShiftEnds::Count(const v1::ShiftMark& mark, OfModel* model) {
  if (mark.censored()) {
    ++model->censored;
  } else {
    model->units.Observe(static_cast<double>(mark.units_to_recover()));
  }
}

void ShiftEnds::Look(const std::string& model, const v1::StreamStats& stats) {
  OfModel& of_model = ModelAt(model);
  if (stats.marks().empty()) return;
  Seen& seen = streams_[stats.stream()];
  // A rewound stream goes through its later marks again.
  if (seen.epoch != stats.epoch()) {
    seen.counted_seq = std::min(seen.counted_seq, stats.applied_seq());
  }
  seen.epoch = stats.epoch();
  seen.look = look_;
  for (const v1::ShiftMark& mark : stats.marks()) {
    const bool ended = mark.has_units_to_recover() || mark.censored();
    if (!ended || mark.detected_seq() <= seen.counted_seq) continue;
    if (look_ > 1) Count(mark, &of_model);
    seen.counted_seq = mark.detected_seq();
  }
}

void ShiftEnds::EndLook() {
  for (auto stream = streams_.begin(); stream != streams_.end();) {
    stream = stream->second.look == look_ ? std::next(stream) : streams_.erase(stream);
  }
}

void ShiftEnds::Collect(std::vector<prometheus::MetricFamily>* families) const {
  prometheus::MetricFamily units =
      MakeFamily("millrace_units_to_recover", "Scored units from a shift to the recovery from it.",
                 MetricType::Histogram);
  prometheus::MetricFamily censored =
      MakeFamily("millrace_shifts_censored_total",
                 "Shifts whose recovery the next shift cut short.", MetricType::Counter);
  for (const auto& [name, model] : models_) {
    prometheus::ClientMetric sample = model.units.Collect();
    sample.label = {{"model", name}};
    units.metric.push_back(std::move(sample));
    censored.metric.push_back(MakeSample({{"model", name}}, static_cast<double>(model.censored)));
  }
  families->push_back(std::move(units));
  families->push_back(std::move(censored));
}

}  // namespace millrace::server
