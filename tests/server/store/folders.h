// A folder of a test's own, and an environment that answers what the test says.
#ifndef MILLRACE_TESTS_SERVER_STORE_FOLDERS_H_
#define MILLRACE_TESTS_SERVER_STORE_FOLDERS_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "server/store/environment.h"

namespace millrace::server {

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "millrace-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Copies a store as a crash would leave it: while it is open, file by file.
inline void CopyFolder(const std::string& from, const std::string& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  std::filesystem::remove(std::filesystem::path(to) / "db" / "LOCK");
}

// The newest file of a store's write-ahead log.
inline std::string LogOf(const std::string& folder) {
  std::string newest;
  for (const auto& file : std::filesystem::directory_iterator(folder + "/db")) {
    const std::string path = file.path().string();
    if (file.path().extension() == ".log" && path > newest && file.file_size() > 0) newest = path;
  }
  return newest;
}

class FakeEnvironment final : public Environment {
 public:
  absl::Time Now() override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  absl::Duration Uptime() override {
    const std::lock_guard lock(mutex_);
    return now_ - absl::UnixEpoch();
  }
  std::int64_t FreeBytes(const std::string&) override { return free_bytes_; }

  void Advance(absl::Duration by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }
  void SetFreeBytes(std::int64_t bytes) { free_bytes_ = bytes; }

 private:
  std::mutex mutex_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::atomic<std::int64_t> free_bytes_ = std::int64_t{1} << 40;
};

}  // namespace millrace::server

#endif  // MILLRACE_TESTS_SERVER_STORE_FOLDERS_H_
