#include "server/metrics/metrics_server.h"

#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"

namespace millrace::server {

MetricsServer::MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, Address address,
                             Collectables collectables)
    : collectables_(std::move(collectables)),
      address_(std::move(address)),
      exposer_(std::move(exposer)) {
  for (const auto& collectable : collectables_) exposer_->RegisterCollectable(collectable);
}

MetricsServer::~MetricsServer() = default;

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const Address& address,
                                                                    Collectables collectables) {
  Address bound = address;
  if (bound.host == "localhost") bound.host = "127.0.0.1";  // the web server takes numbers only
  // The web server below throws where it cannot bind.
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(ToText(bound), 2);
    const std::vector<int> ports = exposer->GetListeningPorts();
    if (!ports.empty()) bound.port = ports[0];
    return std::unique_ptr<MetricsServer>(
        new MetricsServer(std::move(exposer), std::move(bound), std::move(collectables)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("metrics cannot listen on ", ToText(address), " (",
                                               error.what(),
                                               "); choose another --metrics_listen HOST:PORT"));
  }
}

}  // namespace millrace::server
