// The answer to a scrape: everything that the collectables have, in Prometheus' text format.
//
// Thread-safe where the collectables are. Cost: theirs, and about a microsecond a sample.
#ifndef MILLRACE_SERVER_METRICS_SCRAPE_H_
#define MILLRACE_SERVER_METRICS_SCRAPE_H_

#include <prometheus/collectable.h>

#include <memory>
#include <vector>

#include "server/http/http_server.h"

namespace millrace::server {

using Collectables = std::vector<std::shared_ptr<prometheus::Collectable>>;

HttpReply Scrape(const Collectables& collectables);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_SCRAPE_H_
