#include "server/runtime/table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/runtime/faults.h"

namespace millrace::server {

absl::Status Table::AddModel(NamedModel model, const std::function<void()>& commit) {
  const std::lock_guard lock(mutex_);
  const std::string name = model.model->name();
  if (models_.count(name) > 0) {
    return Exists("model", name, "; choose another name, or delete the model and its streams");
  }
  if (static_cast<std::int64_t>(models_.size()) >= max_models_) {
    return LimitReached("models", max_models_, "max_models");
  }
  commit();
  models_[name] = {std::move(model), 0};
  return absl::OkStatus();
}

absl::Status Table::RemoveModel(const std::string& name, const std::function<void()>& commit) {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(name);
  if (found == models_.end()) return NoModel(name);
  if (found->second.streams > 0) {
    return engine::Error(absl::StatusCode::kFailedPrecondition, kHasStreams,
                         absl::StrCat("model '", name, "' has ", found->second.streams,
                                      " streams; delete them first"),
                         {{"streams", absl::StrCat(found->second.streams)}});
  }
  commit();
  models_.erase(found);
  return absl::OkStatus();
}

absl::StatusOr<NamedModel> Table::Model(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(name);
  if (found == models_.end()) return NoModel(name);
  NamedModel model = found->second.named;
  model.wire = WithCount(found->second);
  return model;
}

v1::Model Table::WithCount(const CountedModel& counted) const {
  v1::Model wire = counted.named.wire;
  wire.set_stream_count(counted.streams);
  return wire;
}

std::vector<v1::Model> Table::Models(const std::string& after, std::size_t most) const {
  const std::lock_guard lock(mutex_);
  std::vector<v1::Model> models;
  for (auto at = models_.upper_bound(after); at != models_.end() && models.size() < most; ++at) {
    models.push_back(WithCount(at->second));
  }
  return models;
}

absl::Status Table::Reserve(const std::string& id, const std::string& model) {
  const std::lock_guard lock(mutex_);
  const auto owner = models_.find(model);
  if (owner == models_.end()) return NoModel(model);
  if (streams_.count(id) > 0 || reserved_.count(id) > 0) {
    return Exists("stream", id, "; choose another id");
  }
  if (static_cast<std::int64_t>(streams_.size() + reserved_.size()) >= max_streams_) {
    return LimitReached("streams", max_streams_, "max_streams");
  }
  reserved_.insert(id);
  ++owner->second.streams;
  return absl::OkStatus();
}

void Table::Show(const std::shared_ptr<Entry>& entry) {
  const std::lock_guard lock(mutex_);
  reserved_.erase(entry->id);
  streams_[entry->id] = entry;
}

void Table::Release(const std::string& id, const std::string& model) {
  const std::lock_guard lock(mutex_);
  reserved_.erase(id);
  if (const auto owner = models_.find(model); owner != models_.end()) --owner->second.streams;
}

void Table::Remove(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  if (streams_.erase(entry.id) == 0) return;
  const auto owner = models_.find(entry.model->name());
  if (owner != models_.end()) --owner->second.streams;
}

std::shared_ptr<Entry> Table::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Entry>> Table::Streams(const std::string& model,
                                                   const std::string& after,
                                                   std::size_t most) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Entry>> streams;
  for (auto at = streams_.upper_bound(after); at != streams_.end() && streams.size() < most; ++at) {
    if (model.empty() || at->second->model->name() == model) streams.push_back(at->second);
  }
  return streams;
}

std::vector<std::shared_ptr<Entry>> Table::AllStreams() const {
  return Streams("", "", static_cast<std::size_t>(-1));
}

}  // namespace millrace::server
