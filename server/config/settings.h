// The table of the server's settings: every field of config.proto with its default, bounds, unit
// and a sentence. Flags, the config file's check and the help text all come from it; a test holds
// it against the descriptor.
//
// Thread-safe: constant data.
#ifndef MILLRACE_SERVER_CONFIG_SETTINGS_H_
#define MILLRACE_SERVER_CONFIG_SETTINGS_H_

#include <cstdint>

#include "absl/types/span.h"

namespace millrace::server {

struct SettingRow {
  const char* name;               // of the field and of the flag
  const char* type;               // "text", "flag", "integer" or "list" (of texts)
  const char* unit;               // "" for none
  const char* text;               // default of a text
  std::int64_t integer;           // default of an integer; of a list the most entries
  std::int64_t minimum, maximum;  // inclusive, of an integer
  const char* sentence;
};

absl::Span<const SettingRow> SettingRows();

// Null where there is none.
const SettingRow* FindSetting(const char* name);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_CONFIG_SETTINGS_H_
