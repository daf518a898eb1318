// A snapshot: one stream's complete state at one event number, as named logical tensors.
//
// Canonical: tensors in the order of the state list, row-major, little-endian, no padding, no
// kernel tiles. Encode gives the same bytes for the same state on every machine; Decode checks
// every length and refuses a damaged or truncated one with DATA_LOSS (reason QUARANTINED).
// Thread-safe: values and pure functions.
#ifndef MILLRACE_ENGINE_SNAPSHOT_H_
#define MILLRACE_ENGINE_SNAPSHOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace millrace::engine {

enum class TensorType : std::uint8_t { kFloat32 = 1, kFloat64 = 2, kInt64 = 3, kUint8 = 4 };

std::int64_t ElementBytes(TensorType type);

struct NamedTensor {
  std::string name;  // "learner.theta", ...
  TensorType type = TensorType::kUint8;
  std::vector<std::int64_t> shape;
  std::string bytes;     // product(shape) * ElementBytes(type)
  bool learner = false;  // counts for learner_digest
  bool counted = true;   // counts for digest (false: message counts)
};

struct Snapshot {
  std::string model_digest;  // of the resolved specification it belongs to
  std::string numeric_path;
  std::vector<NamedTensor> tensors;
};

std::string EncodeSnapshot(const Snapshot& snapshot);
absl::StatusOr<Snapshot> DecodeSnapshot(absl::string_view bytes);

// SHA-256, lower-case hex, over names, types, shapes and bytes of the tensors that count.
std::string SnapshotDigest(const Snapshot& snapshot);
std::string SnapshotLearnerDigest(const Snapshot& snapshot);

// SHA-256 of any bytes, lower-case hex.
std::string Sha256Hex(absl::string_view bytes);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_SNAPSHOT_H_
