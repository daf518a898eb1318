// The tables of models and of streams, by name, in order.
//
// A stream's name is taken before it exists (Reserve) and shown once it does (Show), so that two
// calls never make the same one. Thread-safe.
#ifndef MILLRACE_SERVER_RUNTIME_TABLE_H_
#define MILLRACE_SERVER_RUNTIME_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/model.h"
#include "millrace/v1/model.pb.h"
#include "server/runtime/entry.h"

namespace millrace::server {

struct NamedModel {
  std::shared_ptr<const engine::Model> model;
  v1::Model wire;  // but for stream_count
};

class Table {
 public:
  Table(std::int64_t max_models, std::int64_t max_streams)
      : max_models_(max_models), max_streams_(max_streams) {}

  // EXISTS or LIMIT; `commit` runs before the model is seen.
  absl::Status AddModel(NamedModel model, const std::function<void()>& commit);
  // NO_MODEL or HAS_STREAMS; `commit` runs while no stream of it can be made.
  absl::Status RemoveModel(const std::string& name, const std::function<void()>& commit);
  absl::StatusOr<NamedModel> Model(const std::string& name) const;
  // With stream_count. `after` "" from the beginning.
  std::vector<v1::Model> Models(const std::string& after, std::size_t most) const;

  // Takes the name. EXISTS or LIMIT; NO_MODEL where the model went meanwhile.
  absl::Status Reserve(const std::string& id, const std::string& model);
  void Show(const std::shared_ptr<Entry>& entry);
  void Release(const std::string& id, const std::string& model);  // of a name only reserved
  void Remove(const Entry& entry);
  // Null where there is none.
  std::shared_ptr<Entry> Find(const std::string& id) const;
  // Those after `after`, of the model ("" for all).
  std::vector<std::shared_ptr<Entry>> Streams(const std::string& model, const std::string& after,
                                              std::size_t most) const;
  std::vector<std::shared_ptr<Entry>> AllStreams() const;

 private:
  struct CountedModel {
    NamedModel named;
    std::int64_t streams = 0;
  };
  v1::Model WithCount(const CountedModel& counted) const;

  const std::int64_t max_models_, max_streams_;
  mutable std::mutex mutex_;
  std::map<std::string, CountedModel> models_;
  std::map<std::string, std::shared_ptr<Entry>> streams_;
  std::set<std::string> reserved_;
};

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_RUNTIME_TABLE_H_
