// Answered requests: a repeat of a mutation under the same request_id gets the first answer.
//
// What was asked is recorded in the batch of the change itself, the answer right after it; where
// the process ended between the two, a repeat is answered from the present state and changes
// nothing. The newest kRequestsKept are kept, through restarts. Failed requests are not: a repeat
// tries again. Thread-safe.
#ifndef MILLRACE_SERVER_RUNTIME_REQUESTS_H_
#define MILLRACE_SERVER_RUNTIME_REQUESTS_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/snapshot.h"
#include "server/store/store.h"

namespace millrace::server {

inline constexpr std::size_t kRequestsKept = 10000;

// An empty id is a request that nobody will repeat: nothing is kept of it.
struct RequestKey {
  std::string id, fingerprint;
};

class Requests {
 public:
  explicit Requests(Store* store) : store_(store) {}
  absl::Status Load();

  struct Known {
    bool repeated = false;
    std::optional<std::string> answer;
  };
  // Waits while the same id is under way. REQUEST_CONFLICT where it was another request's. Unless
  // it is repeated, Finish or Abandon must follow.
  absl::StatusOr<Known> Begin(const RequestKey& key);
  // Into the batch of the change.
  void Record(const RequestKey& key, Batch* batch);
  void Finish(const RequestKey& key, const std::string& answer);
  void Abandon(const RequestKey& key);

 private:
  struct Kept {
    std::string fingerprint;
    std::optional<std::string> answer;
    std::uint64_t number = 0;  // 0: under way and not recorded
    bool under_way = true;
  };

  Store* const store_;
  std::mutex mutex_;
  std::condition_variable settled_;
  std::map<std::string, Kept> by_id_;
  std::map<std::uint64_t, std::string> by_number_;
  std::uint64_t next_number_ = 1;
};

// Carries out `act` once for the request; a repeat gets the first answer, or `present()` where that
// answer was lost.
template <typename Reply, typename Request>
absl::StatusOr<Reply> Once(Requests* requests, absl::string_view method, const Request& request,
                           const std::function<absl::StatusOr<Reply>(const RequestKey&)>& act,
                           const std::function<absl::StatusOr<Reply>()>& present) {
  RequestKey key{request.request_id(), ""};
  if (key.id.empty()) return act(key);
  key.fingerprint = engine::Sha256Hex(std::string(method) + '\0' + request.SerializeAsString());
  const auto known = requests->Begin(key);
  if (!known.ok()) return known.status();
  if (known->repeated) {
    Reply reply;
    if (known->answer.has_value() && reply.ParseFromString(*known->answer)) return reply;
    return present();
  }
  absl::StatusOr<Reply> reply = act(key);
  if (reply.ok()) {
    requests->Finish(key, reply->SerializeAsString());
  } else {
    requests->Abandon(key);
  }
  return reply;
}

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_REQUESTS_H_
