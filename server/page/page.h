// The page for who has no Grafana: streams, their curves, shifts and health, on the metrics port.
//
//   Page page(runtime, authorizer, watched_streams);
//   page.AddRoutes(&routes);   // "/", "/page/overview.json", "/page/stream.json"
//
// The page itself is one document made of page.html, page.css and the scripts beside it, which are
// part of the program. It loads nothing from elsewhere, and its Content-Security-Policy admits its
// own scripts by their hashes alone. The two JSON answers (page.proto) change nothing, are bounded
// (50 streams; two curves of 450 points) and hold no settings, inputs or weights. Whoever asks is
// the local principal with the verb observe; streams that the authorizer refuses are not there.
// Thread-safe. The sums over all streams take at most a fiftieth of one core's time, whoever asks.
#ifndef MILLRACE_SERVER_PAGE_PAGE_H_
#define MILLRACE_SERVER_PAGE_PAGE_H_

#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/http/http_server.h"
#include "server/page/history.h"
#include "server/runtime.h"
#include "server/security/authorize.h"

namespace millrace::server {

class Page {
 public:
  // Both outlive it. It begins to follow streams; `period` is the time between two glances.
  Page(Runtime* runtime, const Authorizer* authorizer, std::vector<std::string> watched_streams,
       absl::Duration period = absl::Seconds(2));

  // The routes use the page: it outlives their server.
  void AddRoutes(HttpServer::Routes* routes);

  HttpReply Document() const;
  HttpReply Overview(const HttpRequest& request);
  HttpReply OneStream(const HttpRequest& request);

 private:
  bool MaySee(const std::string& stream) const;
  RuntimeFigures Figures();

  Runtime* const runtime_;
  const Authorizer* const authorizer_;
  const absl::Time start_;
  const HttpReply document_;
  std::mutex mutex_;
  RuntimeFigures figures_;  // good until figures_end_
  absl::Time figures_end_ = absl::InfinitePast();
  History history_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_PAGE_PAGE_H_
