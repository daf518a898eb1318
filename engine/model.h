// A model: a resolved specification under a name, with the sizes that follow from it.
//
// Immutable after Create; shared by its streams. Thread-safe. PER_STREAM models hold no parameters.
#ifndef MILLRACE_ENGINE_MODEL_H_
#define MILLRACE_ENGINE_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/spec.h"

namespace millrace::engine {

struct ModelSizes {
  std::int64_t inputs = 0;        // d: values of one step
  std::int64_t units = 0;         // n
  std::int64_t outputs = 0;       // m
  std::int64_t parameters = 0;    // p
  std::int64_t window_steps = 0;  // open steps held at most
  std::int64_t stream_bytes = 0;  // of one resident stream with an empty window
  std::int64_t step_bytes = 0;    // of one open step in the window
};

class Model {
 public:
  // BAD_SPEC (INVALID_ARGUMENT) or NOT_CARRIED_OUT (UNIMPLEMENTED).
  static absl::StatusOr<std::shared_ptr<const Model>> Create(std::string name,
                                                             const ModelSpec& spec);

  const std::string& name() const { return name_; }
  const ModelSpec& spec() const { return spec_; }        // resolved
  const std::string& digest() const { return digest_; }  // of the resolved specification
  const ModelSizes& sizes() const { return sizes_; }
  // What computes its streams here, e.g. "cpu-2-fused", "cuda-sm90-2".
  const std::string& numeric_path() const { return numeric_path_; }
  bool byte_inputs() const;     // one byte a step instead of d values
  bool classification() const;  // the loss is over classes

 private:
  Model() = default;

  std::string name_;
  ModelSpec spec_;
  std::string digest_;
  std::string numeric_path_;
  ModelSizes sizes_;
};

// What computes on the CPU here, e.g. "cpu-2-fused": kernel revision, fused or not.
std::string NumericPath();

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_MODEL_H_
