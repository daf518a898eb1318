// Specifications: open lists of parts, {name, typed settings by name}, and the table that says
// which parts and settings there are.
//
// Every list entry (a cell, a rule, ...) declares its settings in a PartDescription beside its
// code; engine/parts.cc gathers the lists. Resolve() checks a specification against the table and
// fills every default, so that what is stored is complete.
// Thread-safe: values and pure functions.
#ifndef MILLRACE_ENGINE_SPEC_H_
#define MILLRACE_ENGINE_SPEC_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace millrace::engine {

// flag, integer, number, text.
using SettingValue = std::variant<bool, std::int64_t, double, std::string>;
using Settings = std::map<std::string, SettingValue, std::less<>>;

// One named setting, as events and overrides carry it: name "optimizer.rate".
struct NamedSetting {
  std::string name;
  SettingValue value;
};

struct PartSpec {
  std::string name;
  Settings settings;

  // Of a resolved part; an absent or wrongly typed one is a broken invariant.
  bool Flag(absl::string_view setting) const;
  std::int64_t Integer(absl::string_view setting) const;
  double Number(absl::string_view setting) const;
  const std::string& Text(absl::string_view setting) const;
};

enum class NumberType { kFloat32, kFloat64 };
enum class WeightSharing { kPerStream, kShared, kAdapter };
enum class Durability { kApplied, kProcess, kSync };
enum class Device { kCpu, kCuda };

// Absent parts have an empty name.
struct ModelSpec {
  PartSpec input, cell, head, loss, rule, optimizer, target, guard, monitor;
  NumberType number_type = NumberType::kFloat32;
  WeightSharing weight_sharing = WeightSharing::kPerStream;
  Durability durability = Durability::kProcess;
  Device device = Device::kCpu;
};

enum class SettingType { kFlag, kInteger, kNumber, kText };

// Every member has an initialiser, so that an entry names only those that differ.
struct SettingDescription {
  std::string name = {};
  SettingType type = SettingType::kNumber;
  std::string unit = {};                           // "" for pure numbers
  std::optional<double> minimum = {};              // inclusive
  std::optional<double> maximum = {};              // inclusive
  std::vector<std::string> choices = {};           // of texts
  std::optional<SettingValue> default_value = {};  // absent: required
  std::string sentence = {};
  bool changeable = false;  // a stream may override it at open, and a set event may change it
  // Came when specifications had been stored without it: the canonical text has it only where it is
  // not its default, so that their digests stay.
  bool later = false;
};

struct PartDescription {
  std::string kind = {};  // the ModelSpec member: "input", "cell", ...
  std::string name = {};
  std::string sentence = {};
  std::vector<SettingDescription> settings = {};
};

// Every entry of every list; kind "" for all. Order: kinds as in ModelSpec, names as listed.
std::vector<PartDescription> DescribeParts(absl::string_view kind = "");

// The part with all its settings, or BAD_SPEC naming the setting, what was got, what is expected.
// `default_name` is used where part.name is empty (empty: the part is required).
absl::StatusOr<PartSpec> ResolvePart(absl::string_view kind, const PartSpec& part,
                                     absl::string_view default_name);

// The complete specification. Checks that parts fit each other (head and loss, rule and cell, input
// and target). UNIMPLEMENTED for what the engine does not carry out.
absl::StatusOr<ModelSpec> Resolve(const ModelSpec& spec);

// A copy with `overrides` ("optimizer.rate") set. Only changeable settings.
absl::StatusOr<ModelSpec> WithOverrides(const ModelSpec& resolved,
                                        const std::vector<NamedSetting>& overrides);

// Canonical text of a resolved specification (one line a setting, sorted), and its SHA-256 in hex.
std::string CanonicalText(const ModelSpec& resolved);
std::string SpecDigest(const ModelSpec& resolved);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_SPEC_H_
