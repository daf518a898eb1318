// The walk over a stream's state that snapshot, load, digest and memory accounting share.
//
// Each component lists its state once, in Visit(StateVisitor&): the order is the canonical order.
// A saving visitor reads the memory, a loading one fills it (and resizes what is Resizable).
// Thread-compatible.
#ifndef MILLRACE_ENGINE_STATE_H_
#define MILLRACE_ENGINE_STATE_H_

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/snapshot.h"

namespace millrace::engine {

// What a tensor counts for. kLearner: both digests; kStream: digest only; kUncounted: none
// (message counts and the like).
enum class StateRole { kLearner, kStream, kUncounted };

class StateVisitor {
 public:
  virtual ~StateVisitor() = default;

  // Prefix of the names that follow: "learner." Ends with the scope of the caller: set it again.
  void SetScope(absl::string_view scope) { scope_ = std::string(scope); }
  void SetRole(StateRole role) { role_ = role; }

  // One scalar: bool and enums as uint8, integers of 64 bits as int64, float, double.
  template <typename T>
  void Value(absl::string_view name, T& value);
  // A vector whose size follows from the model; a loaded one must have the same.
  template <typename T, typename Allocator>
  void Fixed(absl::string_view name, std::vector<T, Allocator>& values);
  // A vector whose size is state.
  template <typename T, typename Allocator>
  void Resizable(absl::string_view name, std::vector<T, Allocator>& values);

 protected:
  struct Field {
    std::string name;
    TensorType type;
    std::int64_t count;
    bool scalar;
    StateRole role;
  };
  // Saving visitors read `memory`, loading ones write it; field.count elements.
  virtual void Visit(const Field& field, void* memory) = 0;
  // Count stored for a resizable field; saving visitors return `present`.
  virtual std::int64_t StoredCount(const Field& field, std::int64_t present) = 0;

 private:
  template <typename T>
  static constexpr TensorType TypeOf() {
    if constexpr (std::is_same_v<T, float>)
      return TensorType::kFloat32;
    else if constexpr (std::is_same_v<T, double>)
      return TensorType::kFloat64;
    else if constexpr (sizeof(T) == 1)
      return TensorType::kUint8;
    else {
      static_assert(sizeof(T) == 8 && std::is_integral_v<T>, "state is float, double, 64 or 8 bit");
      return TensorType::kInt64;
    }
  }
  std::string scope_;
  StateRole role_ = StateRole::kStream;
};

template <typename T>
void StateVisitor::Value(absl::string_view name, T& value) {
  const Field field{scope_ + std::string(name), TypeOf<T>(), 1, true, role_};
  if constexpr (std::is_same_v<T, bool>) {
    // By way of a byte: a damaged snapshot's 2 must not become a bool that is neither.
    std::uint8_t byte = value ? 1 : 0;
    Visit(field, &byte);
    value = byte != 0;
  } else {
    Visit(field, &value);
  }
}

template <typename T, typename Allocator>
void StateVisitor::Fixed(absl::string_view name, std::vector<T, Allocator>& values) {
  Visit({scope_ + std::string(name), TypeOf<T>(), static_cast<std::int64_t>(values.size()), false,
         role_},
        values.data());
}

template <typename T, typename Allocator>
void StateVisitor::Resizable(absl::string_view name, std::vector<T, Allocator>& values) {
  Field field{scope_ + std::string(name), TypeOf<T>(), static_cast<std::int64_t>(values.size()),
              false, role_};
  field.count = StoredCount(field, field.count);
  values.resize(static_cast<std::size_t>(field.count));
  Visit(field, values.data());
}

// Writes the state out.
class SaveVisitor final : public StateVisitor {
 public:
  explicit SaveVisitor(Snapshot* snapshot) : snapshot_(snapshot) {}

 protected:
  void Visit(const Field& field, void* memory) override;
  std::int64_t StoredCount(const Field&, std::int64_t present) override { return present; }

 private:
  Snapshot* snapshot_;
};

// Fills the state, tensor by tensor in the same order; the first mismatch (name, type, size) is
// kept as DATA_LOSS and what follows is left alone.
class LoadVisitor final : public StateVisitor {
 public:
  explicit LoadVisitor(const Snapshot& snapshot) : snapshot_(snapshot) {}
  // OK only if every tensor was used.
  absl::Status Finish() const;

 protected:
  void Visit(const Field& field, void* memory) override;
  std::int64_t StoredCount(const Field& field, std::int64_t present) override;

 private:
  // The next tensor if it is this field by name, type and rank and whole; else null, and why.
  const NamedTensor* Match(const Field& field);

  const Snapshot& snapshot_;
  std::size_t next_ = 0;
  absl::Status status_;
};

// Adds up bytes.
class SizeVisitor final : public StateVisitor {
 public:
  std::int64_t bytes() const { return bytes_; }

 protected:
  void Visit(const Field& field, void* memory) override;
  std::int64_t StoredCount(const Field&, std::int64_t present) override { return present; }

 private:
  std::int64_t bytes_ = 0;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_STATE_H_
