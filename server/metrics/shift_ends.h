// How long shifts took to be recovered from, over all streams: each end counted once, from
// statistics that are looked at now and then.
//
//   ends.BeginLook();
//   ends.Look("model", stats);     // of every stream
//   ends.EndLook();
//   ends.Collect(&families);
//
// The first look counts nothing: what had ended before it is history. A stream keeps its latest 32
// marks, so more than that between two looks are missed. Thread-compatible. Memory: a name and a
// number for each stream that has marks; of models at most 10 000, the rest are "other".
#ifndef MILLRACE_SERVER_METRICS_SHIFT_ENDS_H_
#define MILLRACE_SERVER_METRICS_SHIFT_ENDS_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "millrace/v1/stats.pb.h"
#include "server/metrics/histogram.h"

namespace millrace::server {

class ShiftEnds {
 public:
  void BeginLook() { ++look_; }
  void Look(const std::string& model, const v1::StreamStats& stats);
  // Streams that were not looked at since BeginLook are forgotten.
  void EndLook();
  void Collect(std::vector<prometheus::MetricFamily>* families) const;

 private:
  struct Seen {
    std::uint64_t epoch = 0;
    std::uint64_t counted_seq = 0;  // where the last mark whose end was counted was detected
    std::uint64_t look = 0;
  };
  struct OfModel {
    Histogram units{UnitBounds()};
    std::uint64_t censored = 0;
  };
  static std::vector<double> UnitBounds();
  OfModel& ModelAt(const std::string& name);
  static void Count(const v1::ShiftMark& mark, OfModel* model);

  std::uint64_t look_ = 0;
  std::unordered_map<std::string, Seen> streams_;
  std::map<std::string, OfModel> models_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_SHIFT_ENDS_H_
