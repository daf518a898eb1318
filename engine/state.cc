#include "engine/state.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "engine/errors.h"

namespace millrace::engine {
namespace {

static_assert(std::endian::native == std::endian::little,
              "snapshots hold memory as it lies, and are little-endian");

std::size_t FieldBytes(std::int64_t count, TensorType type) {
  return static_cast<std::size_t>(count * ElementBytes(type));
}

}  // namespace

void SaveVisitor::Visit(const Field& field, void* memory) {
  NamedTensor tensor;
  tensor.name = field.name;
  tensor.type = field.type;
  if (!field.scalar) tensor.shape = {field.count};
  if (field.count > 0) {  // an empty vector's memory may be null
    tensor.bytes.assign(static_cast<const char*>(memory), FieldBytes(field.count, field.type));
  }
  tensor.learner = field.role == StateRole::kLearner;
  tensor.counted = field.role != StateRole::kUncounted;
  snapshot_->tensors.push_back(std::move(tensor));
}

const NamedTensor* LoadVisitor::Match(const Field& field) {
  if (!status_.ok()) return nullptr;
  const auto refuse = [this](const std::string& sentence) {
    status_ = Error(absl::StatusCode::kDataLoss, kDamaged, sentence);
    return nullptr;
  };
  if (next_ == snapshot_.tensors.size()) {
    return refuse(absl::StrFormat(
        "the snapshot ends after %d tensors; the model expects '%s' next; restore an older one",
        next_, field.name));
  }
  const NamedTensor& tensor = snapshot_.tensors[next_];
  if (tensor.name != field.name || tensor.type != field.type) {
    return refuse(absl::StrFormat(
        "tensor %d of the snapshot is '%s' (type %d); the model expects '%s' (type %d); load it "
        "with the model it was taken of",
        next_, tensor.name, static_cast<int>(tensor.type), field.name,
        static_cast<int>(field.type)));
  }
  const std::size_t rank = field.scalar ? 0 : 1;
  if (tensor.shape.size() != rank || (rank == 1 && tensor.shape[0] < 0) ||
      tensor.bytes.size() / static_cast<std::size_t>(ElementBytes(tensor.type)) !=
          static_cast<std::size_t>(rank == 1 ? tensor.shape[0] : 1) ||
      tensor.bytes.size() % static_cast<std::size_t>(ElementBytes(tensor.type)) != 0) {
    return refuse(
        absl::StrFormat("tensor '%s' of the snapshot has %d bytes and rank %d, which do "
                        "not fit its type; restore an older snapshot",
                        tensor.name, tensor.bytes.size(), tensor.shape.size()));
  }
  return &tensor;
}

void LoadVisitor::Visit(const Field& field, void* memory) {
  const NamedTensor* tensor = Match(field);
  if (tensor == nullptr) return;
  if (tensor->bytes.size() != FieldBytes(field.count, field.type)) {
    status_ = Error(
        absl::StatusCode::kDataLoss, kDamaged,
        absl::StrFormat("tensor '%s' of the snapshot has %d bytes; the model expects %d; load it "
                        "with the model it was taken of",
                        tensor->name, tensor->bytes.size(), FieldBytes(field.count, field.type)));
    return;
  }
  if (field.count > 0) std::memcpy(memory, tensor->bytes.data(), tensor->bytes.size());
  ++next_;
}

std::int64_t LoadVisitor::StoredCount(const Field& field, std::int64_t present) {
  const NamedTensor* tensor = Match(field);
  return tensor == nullptr ? present : tensor->shape[0];
}

absl::Status LoadVisitor::Finish() const {
  if (!status_.ok() || next_ == snapshot_.tensors.size()) return status_;
  return Error(absl::StatusCode::kDataLoss, kDamaged,
               absl::StrFormat("the snapshot has %d tensors; the model expects %d, and '%s' is not "
                               "among them; load it with the model it was taken of",
                               snapshot_.tensors.size(), next_, snapshot_.tensors[next_].name));
}

void SizeVisitor::Visit(const Field& field, void*) {
  bytes_ += field.count * ElementBytes(field.type);
}

}  // namespace millrace::engine
