#include "engine/errors.h"

#include <cstdint>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace millrace::engine {
namespace {

constexpr char kPayload[] = "millrace/reason";

// The payload is a list of strings, each as "<length>:<bytes>": the reason, then keys and values
// in turn. Lengths, so that no value needs escaping.
void Append(absl::string_view field, std::string* payload) {
  absl::StrAppend(payload, field.size(), ":", field);
}

std::vector<std::string> Fields(const absl::Status& status) {
  std::vector<std::string> fields;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return fields;
  const std::string text(*payload);
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      length = 10 * length + static_cast<std::size_t>(text[at++] - '0');
    }
    if (at == text.size() || text[at] != ':' || length > text.size() - at - 1) return {};
    fields.push_back(text.substr(at + 1, length));
    at += 1 + length;
  }
  return fields;
}

}  // namespace

absl::Status Error(absl::StatusCode code, absl::string_view reason, absl::string_view sentence,
                   const Metadata& metadata) {
  absl::Status status(code, sentence);
  std::string payload;
  Append(reason, &payload);
  for (const auto& [key, value] : metadata) {
    Append(key, &payload);
    Append(value, &payload);
  }
  status.SetPayload(kPayload, absl::Cord(payload));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const std::vector<std::string> fields = Fields(status);
  return fields.empty() ? "" : fields[0];
}

Metadata MetadataOf(const absl::Status& status) {
  const std::vector<std::string> fields = Fields(status);
  Metadata metadata;
  for (std::size_t i = 1; i + 1 < fields.size(); i += 2) {
    metadata.emplace_back(fields[i], fields[i + 1]);
  }
  return metadata;
}

}  // namespace millrace::engine
