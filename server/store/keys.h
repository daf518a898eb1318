// Keys of the store. A stream's keys begin with its id, length first, so that no id is the
// beginning of another's; numbers are big-endian, so that keys sort as they do.
//
// Thread-safe: pure functions.
#ifndef MILLRACE_SERVER_STORE_KEYS_H_
#define MILLRACE_SERVER_STORE_KEYS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace millrace::server {

std::string BigEndian32(std::uint32_t number);
std::string BigEndian64(std::uint64_t number);
// Of the eight bytes at the end of the key.
std::uint64_t LastNumber(absl::string_view key);

// Beginning of all keys of a stream; `stream` has 1 to 128 characters.
std::string StreamPrefix(absl::string_view stream);
// The stream of a key that begins with StreamPrefix.
absl::string_view StreamOfKey(absl::string_view key);
// The first key after all that begin with `prefix` (which has no 0xff at its end).
std::string PrefixEnd(absl::string_view prefix);

std::string JournalKey(absl::string_view stream, std::uint64_t epoch, std::uint64_t event);

// Commit records and chunks stand apart: commits are listed without reading past chunks.
inline constexpr char kCommits = 'c';
inline constexpr char kChunks = 'd';
std::string CommitKey(absl::string_view stream, std::uint64_t event);
std::string ChunkPrefix(absl::string_view stream, std::uint64_t event);
std::string ChunkKey(absl::string_view stream, std::uint64_t event, std::uint32_t chunk);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_KEYS_H_
