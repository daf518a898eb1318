#include "server/store/watermark.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/store/crc32c.h"

namespace millrace::server {
namespace {

constexpr std::uint64_t kMagic = 0x4b52414d4c4c494d;  // "MILLMARK"

struct Slot {
  std::uint64_t magic, turn, sequence, segment, segment_bytes, crc;
};
static_assert(sizeof(Slot) == 48);

std::uint64_t SlotCrc(const Slot& slot) {
  return Crc32c(absl::string_view(reinterpret_cast<const char*>(&slot), offsetof(Slot, crc)));
}

absl::Status Failed(absl::string_view what) {
  return absl::InternalError(absl::StrCat("watermark: ", what, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Watermark>> Watermark::Open(const std::string& path,
                                                           Environment* environment) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) return Failed(absl::StrCat("cannot open ", path));
  auto watermark = absl::WrapUnique(new Watermark(file, environment));
  for (int i = 0; i < 2; ++i) {
    Slot slot;
    const ssize_t got = ::pread(file, &slot, sizeof slot, i * static_cast<off_t>(sizeof slot));
    if (got != static_cast<ssize_t>(sizeof slot) || slot.magic != kMagic ||
        slot.crc != SlotCrc(slot) || slot.turn < watermark->turn_) {
      continue;
    }
    watermark->turn_ = slot.turn;
    watermark->synced_ = {slot.sequence, slot.segment, slot.segment_bytes};
  }
  return watermark;
}

Watermark::~Watermark() { ::close(file_); }

absl::Status Watermark::Note(const SyncedPoint& point, bool now) {
  Slot slot{kMagic, ++turn_, point.sequence, point.segment, point.segment_bytes, 0};
  slot.crc = SlotCrc(slot);
  const off_t offset = static_cast<off_t>((turn_ % 2) * sizeof slot);
  if (::pwrite(file_, &slot, sizeof slot, offset) != static_cast<ssize_t>(sizeof slot)) {
    return Failed("cannot write");
  }
  synced_ = point;
  const absl::Duration uptime = environment_->Uptime();
  if (!now && uptime - last_sync_ < absl::Seconds(1)) return absl::OkStatus();
  if (::fdatasync(file_) != 0) return Failed("cannot sync");
  last_sync_ = uptime;
  return absl::OkStatus();
}

}  // namespace millrace::server
