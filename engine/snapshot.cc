#include "engine/snapshot.h"

#include <limits>
#include <optional>

#include "absl/strings/str_format.h"
#include "engine/check.h"
#include "engine/errors.h"
#include "engine/sha256.h"

namespace millrace::engine {
namespace {

// Layout, every integer little-endian, `text` a uint32 length and its bytes:
//   magic [8], uint32 version, text model_digest, text numeric_path, uint32 tensors, then a tensor
//   text name, uint8 type, uint8 flags (1 learner, 2 counted), uint8 rank, int64 extent [rank],
//   the elements.
constexpr absl::string_view kMagic("MILLSNAP", 8);
constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kLearnerFlag = 1;
constexpr std::uint8_t kCountedFlag = 2;
constexpr std::size_t kMaxRank = 8;
constexpr std::size_t kLeastTensorBytes = 7;  // an empty name and rank 0 before the elements

void PutUint(std::uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

void PutText(absl::string_view text, std::string* out) {
  PutUint(text.size(), 4, out);
  out->append(text.data(), text.size());
}

// Elements of a shape, or nothing where it is negative or more than 2^63 - 1.
std::optional<std::int64_t> Elements(const std::vector<std::int64_t>& shape) {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent != 0 && product > std::numeric_limits<std::int64_t>::max() / extent) {
      return std::nullopt;
    }
    product *= extent;
  }
  return product;
}

void PutShape(const NamedTensor& tensor, std::string* out) {
  PutUint(tensor.shape.size(), 1, out);
  for (const std::int64_t extent : tensor.shape) {
    PutUint(static_cast<std::uint64_t>(extent), 8, out);
  }
}

// Takes fields off the front; every read says whether there was enough.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : rest_(bytes) {}

  bool Uint(int bytes, std::uint64_t* value) {
    absl::string_view field;
    if (!Bytes(static_cast<std::uint64_t>(bytes), &field)) return false;
    *value = 0;
    for (int i = 0; i < bytes; ++i) {
      const auto byte = static_cast<unsigned char>(field[static_cast<std::size_t>(i)]);
      *value |= static_cast<std::uint64_t>(byte) << (8 * i);
    }
    return true;
  }
  bool Bytes(std::uint64_t count, absl::string_view* field) {
    if (count > rest_.size()) return false;
    *field = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(static_cast<std::size_t>(count));
    return true;
  }
  bool Text(std::string* text) {
    std::uint64_t length = 0;
    absl::string_view field;
    if (!Uint(4, &length) || !Bytes(length, &field)) return false;
    text->assign(field.data(), field.size());
    return true;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  absl::string_view rest_;
};

bool ReadShape(Reader& reader, std::vector<std::int64_t>* shape) {
  std::uint64_t rank = 0;
  if (!reader.Uint(1, &rank) || rank > kMaxRank) return false;
  for (std::uint64_t i = 0; i < rank; ++i) {
    std::uint64_t extent = 0;
    if (!reader.Uint(8, &extent)) return false;
    shape->push_back(static_cast<std::int64_t>(extent));
  }
  return true;
}

bool ReadTensor(Reader& reader, NamedTensor* tensor) {
  std::uint64_t type = 0, flags = 0;
  if (!reader.Text(&tensor->name) || !reader.Uint(1, &type) || !reader.Uint(1, &flags) ||
      !ReadShape(reader, &tensor->shape)) {
    return false;
  }
  if (type < 1 || type > 4) return false;
  // A learner's tensor that does not count is a state no writer makes.
  if (flags > (kLearnerFlag | kCountedFlag) || flags == kLearnerFlag) return false;
  tensor->type = static_cast<TensorType>(type);
  tensor->learner = (flags & kLearnerFlag) != 0;
  tensor->counted = (flags & kCountedFlag) != 0;
  const std::optional<std::int64_t> elements = Elements(tensor->shape);
  const std::int64_t size = ElementBytes(tensor->type);
  if (!elements.has_value() || *elements > std::numeric_limits<std::int64_t>::max() / size) {
    return false;
  }
  absl::string_view payload;
  if (!reader.Bytes(static_cast<std::uint64_t>(*elements * size), &payload)) return false;
  tensor->bytes.assign(payload.data(), payload.size());
  return true;
}

bool ReadSnapshot(Reader& reader, Snapshot* snapshot) {
  absl::string_view magic;
  std::uint64_t version = 0, tensors = 0;
  if (!reader.Bytes(kMagic.size(), &magic) || magic != kMagic) return false;
  if (!reader.Uint(4, &version) || version != kVersion) return false;
  if (!reader.Text(&snapshot->model_digest) || !reader.Text(&snapshot->numeric_path)) return false;
  if (!reader.Uint(4, &tensors) || tensors > reader.left() / kLeastTensorBytes) return false;
  for (std::uint64_t i = 0; i < tensors; ++i) {
    if (!ReadTensor(reader, &snapshot->tensors.emplace_back())) return false;
  }
  return reader.left() == 0;
}

std::string DigestOf(const Snapshot& snapshot, bool learner_only) {
  Sha256 sum;
  std::string head;
  for (const NamedTensor& tensor : snapshot.tensors) {
    if (learner_only ? !tensor.learner : !tensor.counted) continue;
    head.clear();
    PutText(tensor.name, &head);
    PutUint(static_cast<std::uint64_t>(tensor.type), 1, &head);
    PutShape(tensor, &head);
    sum.Add(head);
    sum.Add(tensor.bytes);
  }
  return sum.Hex();
}

}  // namespace

std::int64_t ElementBytes(TensorType type) {
  switch (type) {
    case TensorType::kFloat32:
      return 4;
    case TensorType::kFloat64:
    case TensorType::kInt64:
      return 8;
    case TensorType::kUint8:
      return 1;
  }
  MILLRACE_CHECK(false);
}

std::string EncodeSnapshot(const Snapshot& snapshot) {
  std::size_t size = 64 + snapshot.model_digest.size() + snapshot.numeric_path.size();
  for (const NamedTensor& tensor : snapshot.tensors) {
    size += 64 + tensor.name.size() + tensor.bytes.size();
  }
  std::string out;
  out.reserve(size);
  out.append(kMagic.data(), kMagic.size());
  PutUint(kVersion, 4, &out);
  PutText(snapshot.model_digest, &out);
  PutText(snapshot.numeric_path, &out);
  PutUint(snapshot.tensors.size(), 4, &out);
  for (const NamedTensor& tensor : snapshot.tensors) {
    const std::optional<std::int64_t> elements = Elements(tensor.shape);
    MILLRACE_CHECK(elements.has_value() && tensor.shape.size() <= kMaxRank);
    MILLRACE_CHECK(tensor.counted || !tensor.learner);
    MILLRACE_CHECK(tensor.bytes.size() ==
                   static_cast<std::size_t>(*elements * ElementBytes(tensor.type)));
    PutText(tensor.name, &out);
    PutUint(static_cast<std::uint64_t>(tensor.type), 1, &out);
    PutUint((tensor.learner ? kLearnerFlag : 0u) | (tensor.counted ? kCountedFlag : 0u), 1, &out);
    PutShape(tensor, &out);
    out.append(tensor.bytes);
  }
  return out;
}

absl::StatusOr<Snapshot> DecodeSnapshot(absl::string_view bytes) {
  Reader reader(bytes);
  Snapshot snapshot;
  if (ReadSnapshot(reader, &snapshot)) return snapshot;
  return Error(absl::StatusCode::kDataLoss, kDamaged,
               absl::StrFormat("the snapshot of %d bytes is damaged, truncated or of another "
                               "version at byte %d; expected format %d whole; restore an older one",
                               bytes.size(), bytes.size() - reader.left(), kVersion));
}

std::string SnapshotDigest(const Snapshot& snapshot) { return DigestOf(snapshot, false); }

std::string SnapshotLearnerDigest(const Snapshot& snapshot) { return DigestOf(snapshot, true); }

std::string Sha256Hex(absl::string_view bytes) {
  Sha256 sum;
  sum.Add(bytes);
  return sum.Hex();
}

}  // namespace millrace::engine
