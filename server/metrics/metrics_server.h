// Serves /metrics in Prometheus' text format on a port of its own.
//
//   auto server = MetricsServer::Start({"127.0.0.1", 0}, {metrics->registry(), figures});
//   (*server)->address();   // with the port it got
//
// Two threads. The collectables are kept alive by it. Destruction stops the threads.
#ifndef MILLRACE_SERVER_METRICS_METRICS_SERVER_H_
#define MILLRACE_SERVER_METRICS_METRICS_SERVER_H_

#include <prometheus/collectable.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "server/security/address.h"

namespace prometheus {
class Exposer;
}

namespace millrace::server {

class MetricsServer {
 public:
  using Collectables = std::vector<std::shared_ptr<prometheus::Collectable>>;

  // UNAVAILABLE, naming the address, where it cannot listen.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const Address& address,
                                                              Collectables collectables);
  ~MetricsServer();

  const Address& address() const { return address_; }

 private:
  MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, Address address,
                Collectables collectables);

  // The exposer's threads use the collectables: it goes first.
  const Collectables collectables_;
  const Address address_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_METRICS_METRICS_SERVER_H_
