#include "server/store/headroom.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace millrace::server {
namespace {

constexpr std::int64_t kLargestReserveBytes = 32 << 20;

}  // namespace

Headroom::Headroom(std::string folder, std::int64_t min_free_bytes, Environment* environment)
    : folder_(std::move(folder)),
      reserve_path_(folder_ + "/reserve"),
      min_free_bytes_(min_free_bytes),
      reserve_bytes_(std::min(min_free_bytes / 8, kLargestReserveBytes)),
      environment_(environment) {
  if (FreeBytes() >= min_free_bytes_ + reserve_bytes_) TakeReserve();
}

std::int64_t Headroom::FreeBytes() const { return environment_->FreeBytes(folder_); }

bool Headroom::Admits() {
  const std::int64_t free_bytes = FreeBytes();
  if (free_bytes >= min_free_bytes_) {
    // Taken back only when there is room for both, so that taking it does not close admission.
    if (!held_ && free_bytes >= min_free_bytes_ + reserve_bytes_) TakeReserve();
    return true;
  }
  if (held_ && free_bytes < reserve_bytes_) {
    const std::lock_guard lock(mutex_);
    ::unlink(reserve_path_.c_str());
    held_ = false;
  }
  return false;
}

void Headroom::TakeReserve() {
  const std::lock_guard lock(mutex_);
  if (held_ || reserve_bytes_ <= 0) return;
  const int file = ::open(reserve_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) return;
  struct stat found;
  const bool whole = ::fstat(file, &found) == 0 && found.st_blocks * 512 >= reserve_bytes_;
  if (whole || ::posix_fallocate(file, 0, reserve_bytes_) == 0) {
    held_ = true;
  } else {
    ::unlink(reserve_path_.c_str());
  }
  ::close(file);
}

}  // namespace millrace::server
