#include "server/metrics/metrics_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace millrace::server {
namespace {

// Connects and leaves; a wildcard host is reached over the loopback.
void Visit(const Address& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  const int descriptor = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return;
  const auto port = htons(static_cast<std::uint16_t>(address.port));
  if (ipv6) {
    sockaddr_in6 target{};
    target.sin6_family = AF_INET6;
    target.sin6_port = port;
    inet_pton(AF_INET6, address.host.c_str(), &target.sin6_addr);
    connect(descriptor, reinterpret_cast<const sockaddr*>(&target), sizeof(target));
  } else {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = port;
    inet_pton(AF_INET, address.host.c_str(), &target.sin_addr);
    connect(descriptor, reinterpret_cast<const sockaddr*>(&target), sizeof(target));
  }
  close(descriptor);
}

}  // namespace

MetricsServer::MetricsServer(std::unique_ptr<prometheus::Exposer> exposer, Address address,
                             Collectables collectables)
    : collectables_(std::move(collectables)),
      address_(std::move(address)),
      exposer_(std::move(exposer)) {
  for (const auto& collectable : collectables_) exposer_->RegisterCollectable(collectable);
}

// The web server looks whether it should end when its poll returns: at a visitor, or after two
// seconds. So it gets visitors until it has ended.
MetricsServer::~MetricsServer() {
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::thread ending([&] {
    exposer_.reset();
    const std::lock_guard<std::mutex> lock(mutex);
    ended = true;
    changed.notify_all();
  });
  {
    std::unique_lock<std::mutex> lock(mutex);
    while (!changed.wait_for(lock, std::chrono::milliseconds(10), [&] { return ended; })) {
      Visit(address_);
    }
  }
  ending.join();
}

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
