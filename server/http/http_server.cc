#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace millrace::server {
namespace {

constexpr std::size_t kLongestQuery = 4096;
// No script but the page's own, no frame around it, no guess at types, nothing kept.
constexpr char kUsualHeaders[] =
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n"
    "Connection: close\r\n";

const char* Phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

HttpReply Sentence(int status, const std::string& sentence) {
  return {status, "text/plain; charset=utf-8", absl::StrCat(sentence, "\n")};
}

void Send(mg_connection* connection, const HttpReply& reply, bool with_body) {
  std::string head = absl::StrCat("HTTP/1.1 ", reply.status, " ", Phrase(reply.status),
                                  "\r\nContent-Type: ", reply.content_type,
                                  "\r\nContent-Length: ", reply.body.size(), "\r\n", kUsualHeaders);
  for (const auto& [name, value] : reply.headers) absl::StrAppend(&head, name, ": ", value, "\r\n");
  head += "\r\n";
  if (with_body) head += reply.body;
  mg_write(connection, head.data(), head.size());
}

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

std::string HttpRequest::Value(const std::string& name) const {
  std::string value(query.size() + 1, '\0');
  const int length =
      mg_get_var(query.data(), query.size(), name.c_str(), value.data(), value.size());
  value.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return value;
}

HttpServer::HttpServer(Routes routes, Observer observer)
    : routes_(std::move(routes)), observer_(std::move(observer)) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const Address& address, Routes routes,
                                                              Observer observer) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(routes), std::move(observer)));
  server->address_ = address;
  // The library takes numbers only.
  if (address.host == "localhost") server->address_.host = "127.0.0.1";
  const std::string listen = ToText(server->address_);
  const char* options[] = {
      "listening_ports",   listen.c_str(), "num_threads", "4", "request_timeout_ms", "5000",
      "linger_timeout_ms", "1000",         nullptr};
  const mg_callbacks callbacks{};
  server->context_ = mg_start(&callbacks, server.get(), options);
  if (server->context_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("metrics cannot listen on ", ToText(address),
                                               "; is it in use, or not an address of this machine? "
                                               "Choose another --metrics_listen HOST:PORT"));
  }
  mg_server_port port{};
  if (mg_get_server_ports(server->context_, 1, &port) == 1) server->address_.port = port.port;
  mg_set_request_handler(server->context_, "/", &HttpServer::OnRequest, server.get());
  return server;
}

// The library looks whether it should end when its poll returns: at a visitor, or after two
// seconds. So it gets visitors until it has ended.
HttpServer::~HttpServer() {
  if (context_ == nullptr) return;
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::thread ending([&] {
    mg_stop(context_);
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

HttpReply HttpServer::Answer(const std::string& method, const HttpRequest& request) const {
  const auto route = routes_.find(request.path);
  if (route == routes_.end()) {
    std::string paths;
    for (const auto& [path, handler] : routes_) absl::StrAppend(&paths, " ", path);
    return Sentence(404, absl::StrCat("There is nothing here; this port has", paths));
  }
  if (method != "GET" && method != "HEAD") {
    HttpReply reply = Sentence(405, "This port is read only; use GET");
    reply.headers = {{"Allow", "GET, HEAD"}};
    return reply;
  }
  if (request.query.size() >= kLongestQuery) return Sentence(404, "The query is too long");
  return route->second(request);
}

int HttpServer::OnRequest(mg_connection* connection, void* self) {
  const auto* server = static_cast<const HttpServer*>(self);
  const mg_request_info* asked = mg_get_request_info(connection);
  HttpRequest request;
  if (asked->local_uri != nullptr) request.path = asked->local_uri;
  if (asked->query_string != nullptr) {
    request.query = std::string(asked->query_string).substr(0, kLongestQuery);
  }
  const std::string method = asked->request_method;
  const absl::Time begin = absl::Now();
  const HttpReply reply = server->Answer(method, request);
  Send(connection, reply, method != "HEAD");
  if (server->observer_ != nullptr) {
    const bool known = server->routes_.count(request.path) > 0;
    server->observer_(known ? request.path : "other", reply,
                      absl::ToDoubleSeconds(absl::Now() - begin));
  }
  return reply.status;
}

}  // namespace millrace::server
