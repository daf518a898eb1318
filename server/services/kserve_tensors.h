// Tensors of the Open Inference Protocol and what a stream's model makes of them.
//
// Thread-safe: values and pure functions.
#ifndef MILLRACE_SERVER_SERVICES_KSERVE_TENSORS_H_
#define MILLRACE_SERVER_SERVICES_KSERVE_TENSORS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "inference/open_inference.pb.h"
#include "millrace/v1/learn.pb.h"
#include "millrace/v1/model.pb.h"

namespace millrace::server {

inline constexpr char kInputTensor[] = "x";
inline constexpr char kOutputsTensor[] = "outputs";
inline constexpr char kProbabilitiesTensor[] = "probabilities";
inline constexpr std::int64_t kMostInferRows = 4096;

// What goes in and comes out of a model, a row.
struct InferShape {
  std::int64_t inputs = 1;  // d; 1 for bytes
  std::int64_t outputs = 1;
  bool bytes = false, classes = false;
};
InferShape ShapeOf(const v1::Model& model);

void FillMetadata(const InferShape& shape, inference::ModelMetadataResponse* response);

// A peek a row. INVALID_ARGUMENT (BAD_SHAPE, BAD_PART) where the request does not fit.
absl::StatusOr<std::vector<v1::PeekRequest>> RowsOf(const inference::ModelInferRequest& request,
                                                    const InferShape& shape);

// The outputs that the request names, or all; INVALID_ARGUMENT for a name there is not.
absl::Status FillOutputs(const inference::ModelInferRequest& request, const InferShape& shape,
                         const std::vector<v1::PeekResponse>& rows,
                         inference::ModelInferResponse* response);

}  // namespace millrace::server

#endif  // MILLRACE_SERVER_SERVICES_KSERVE_TENSORS_H_
