#include "server/runtime/memory_limit.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace millrace::server {
namespace {

// "max", an absent file and whatever else is no number leave the limit as it is.
void LowerTo(const std::string& path, std::int64_t* limit) {
  std::string text;
  std::int64_t bytes = 0;
  if (!(std::ifstream(path) >> text) || !absl::SimpleAtoi(text, &bytes)) return;
  if (bytes > 0) *limit = std::min(*limit, bytes);
}

// The file of every group from `group` ("/a/b") up to the root.
void LowerToGroups(const std::string& folder, std::string group, const char* file,
                   std::int64_t* limit) {
  while (true) {
    LowerTo(absl::StrCat(folder, group, "/", file), limit);
    const std::size_t parent = group.rfind('/');
    if (parent == std::string::npos) return;
    group.resize(parent);
  }
}

}  // namespace

std::int64_t AvailableMemoryBytes(const std::string& membership, const std::string& groups) {
  std::int64_t limit = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::int64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream file(membership);
  for (std::string line; std::getline(file, line);) {
    // "0::/a/b" is of version 2, "7:memory:/a/b" of version 1.
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (parts[1].empty()) LowerToGroups(groups, parts[2], "memory.max", &limit);
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "memory") == controllers.end()) continue;
    LowerToGroups(absl::StrCat(groups, "/memory"), parts[2], "memory.limit_in_bytes", &limit);
  }
  return limit;
}

}  // namespace millrace::server
