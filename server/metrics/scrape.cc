#include "server/metrics/scrape.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <iterator>

namespace millrace::server {

HttpReply Scrape(const Collectables& collectables) {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& collectable : collectables) {
    std::vector<prometheus::MetricFamily> some = collectable->Collect();
    families.insert(families.end(), std::make_move_iterator(some.begin()),
                    std::make_move_iterator(some.end()));
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8",
          prometheus::TextSerializer().Serialize(families)};
}

}  // namespace millrace::server
