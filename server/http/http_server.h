// A small HTTP port: answers GET and HEAD of fixed paths, and nothing else.
//
//   auto server = HttpServer::Start({"127.0.0.1", 0}, {{"/metrics", handler}}, observer);
//   (*server)->address();   // with the port it got
//
// Plain text, four threads, no request bodies, no files, five seconds for a client to say what it
// wants. Every answer carries headers that keep browsers from guessing, framing and caching.
// Handlers are called from several threads at a time. Destruction waits for those under way.
#ifndef MILLRACE_SERVER_HTTP_HTTP_SERVER_H_
#define MILLRACE_SERVER_HTTP_HTTP_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/security/address.h"

struct mg_context;
struct mg_connection;

namespace millrace::server {

struct HttpRequest {
  std::string path;   // without the query
  std::string query;  // as it came, at most 4096 characters

  // The value of a name in the query, decoded; empty where it is not there.
  std::string Value(const std::string& name) const;
};

struct HttpReply {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};  // beside the usual ones
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;
  using Routes = std::map<std::string, Handler>;  // by path
  // Told of each answer. `path` is that of the route, "other" where there was none.
  using Observer =
      std::function<void(const std::string& path, const HttpReply& reply, double wall_s)>;

  // UNAVAILABLE, naming the address, where it cannot listen.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const Address& address, Routes routes,
                                                           Observer observer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const Address& address() const { return address_; }

 private:
  HttpServer(Routes routes, Observer observer);
  static int OnRequest(mg_connection* connection, void* self);
  HttpReply Answer(const std::string& method, const HttpRequest& request) const;

  const Routes routes_;
  const Observer observer_;
  Address address_;
  mg_context* context_ = nullptr;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_HTTP_HTTP_SERVER_H_
