// CRC-32C (Castagnoli), as iSCSI and RocksDB use it: polynomial 0x1EDC6F41, reflected.
//
// Crc32c("123456789") == 0xE3069283. Thread-safe. O(bytes), eight at a time.
#ifndef MILLRACE_SERVER_STORE_CRC32C_H_
#define MILLRACE_SERVER_STORE_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace millrace::server {

std::uint32_t Crc32c(absl::string_view bytes);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_STORE_CRC32C_H_
