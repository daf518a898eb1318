#include "server/store/keys.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "engine/check.h"

namespace millrace::server {
namespace {

void AppendBigEndian(std::uint64_t number, int bytes, std::string* text) {
  for (int byte = bytes - 1; byte >= 0; --byte) {
    text->push_back(static_cast<char>((number >> (8 * byte)) & 0xff));
  }
}

std::string BigEndian(std::uint64_t number, int bytes) {
  std::string text;
  AppendBigEndian(number, bytes, &text);
  return text;
}

}  // namespace

std::string BigEndian32(std::uint32_t number) { return BigEndian(number, 4); }
std::string BigEndian64(std::uint64_t number) { return BigEndian(number, 8); }

std::uint64_t LastNumber(absl::string_view key) {
  MILLRACE_CHECK(key.size() >= 8);
  std::uint64_t number = 0;
  for (const char byte : key.substr(key.size() - 8)) {
    number = (number << 8) | static_cast<unsigned char>(byte);
  }
  return number;
}

std::string StreamPrefix(absl::string_view stream) {
  MILLRACE_CHECK(!stream.empty() && stream.size() <= 128);
  return absl::StrCat(std::string(1, static_cast<char>(stream.size())), stream);
}

absl::string_view StreamOfKey(absl::string_view key) {
  if (key.empty()) return {};
  return key.substr(1, static_cast<unsigned char>(key[0]));
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  MILLRACE_CHECK(!end.empty() && static_cast<unsigned char>(end.back()) != 0xff);
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

std::string JournalKey(absl::string_view stream, std::uint64_t epoch, std::uint64_t event) {
  MILLRACE_CHECK(!stream.empty() && stream.size() <= 128);
  std::string key;
  key.reserve(1 + stream.size() + 16);
  key.push_back(static_cast<char>(stream.size()));
  key.append(stream.data(), stream.size());
  AppendBigEndian(epoch, 8, &key);
  AppendBigEndian(event, 8, &key);
  return key;
}

std::string CommitKey(absl::string_view stream, std::uint64_t event) {
  return absl::StrCat(std::string(1, kCommits), StreamPrefix(stream), BigEndian64(event));
}

std::string ChunkPrefix(absl::string_view stream, std::uint64_t event) {
  return absl::StrCat(std::string(1, kChunks), StreamPrefix(stream), BigEndian64(event));
}

std::string ChunkKey(absl::string_view stream, std::uint64_t event, std::uint32_t chunk) {
  return absl::StrCat(ChunkPrefix(stream, event), BigEndian32(chunk));
}

}  // namespace millrace::server
