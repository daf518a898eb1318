#include "server/services/kserve_tensors.h"

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/errors.h"
#include "server/runtime.h"

namespace millrace::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

std::int64_t IntegerOf(const v1::Part& part, absl::string_view name, std::int64_t otherwise) {
  for (const v1::Setting& setting : part.settings()) {
    if (setting.name() == name) return setting.integer();
  }
  return otherwise;
}

absl::Status Bad(absl::string_view reason, absl::string_view sentence) {
  return engine::Error(absl::StatusCode::kInvalidArgument, reason, sentence);
}

const char* DatatypeOf(const InferShape& shape) { return shape.bytes ? "UINT8" : "FP32"; }

// The request's one input; nothing is asked of it that peeking cannot give.
absl::StatusOr<const ModelInferRequest::InferInputTensor*> InputOf(
    const ModelInferRequest& request) {
  if (!request.parameters().empty()) {
    return Bad(kBadPart,
               absl::StrCat("the request has parameter '", request.parameters().begin()->first,
                            "'; inference takes none: it predicts and changes nothing"));
  }
  if (request.inputs_size() != 1 || request.inputs(0).name() != kInputTensor) {
    return Bad(engine::kBadShape,
               absl::StrCat("the request has ", request.inputs_size(), " inputs; expected one, '",
                            kInputTensor, "' (see ModelMetadata)"));
  }
  return &request.inputs(0);
}

absl::StatusOr<std::int64_t> RowCount(const ModelInferRequest::InferInputTensor& input,
                                      const InferShape& shape) {
  const auto& dims = input.shape();
  const bool fits = (dims.size() == 1 && dims[0] == shape.inputs) ||
                    (dims.size() == 2 && dims[0] >= 1 && dims[1] == shape.inputs);
  if (!fits || input.datatype() != DatatypeOf(shape)) {
    return Bad(engine::kBadShape,
               absl::StrCat("input '", kInputTensor, "' is ", input.datatype(), " [",
                            absl::StrJoin(dims, ", "), "]; expected ", DatatypeOf(shape),
                            " [rows, ", shape.inputs, "] (inputs, set at the stream's model)"));
  }
  const std::int64_t rows = dims.size() == 1 ? 1 : dims[0];
  if (rows <= kMostInferRows) return rows;
  return Bad(engine::kBadShape,
             absl::StrCat("input '", kInputTensor, "' has ", rows, " rows; at most ",
                          kMostInferRows, " go in a request; send several"));
}

// Row-major elements, of FP32 or UINT8.
absl::StatusOr<std::string> BytesOf(const ModelInferRequest& request, std::int64_t elements,
                                    const InferShape& shape) {
  std::string bytes;
  if (request.raw_input_contents_size() > 0) {
    bytes = request.raw_input_contents(0);
  } else if (shape.bytes) {
    for (const std::uint32_t value : request.inputs(0).contents().uint_contents()) {
      bytes.push_back(static_cast<char>(value));
    }
  } else {
    const auto& values = request.inputs(0).contents().fp32_contents();
    bytes.assign(reinterpret_cast<const char*>(values.data()),
                 static_cast<std::size_t>(values.size()) * sizeof(float));
  }
  const std::size_t expected =
      static_cast<std::size_t>(elements) * (shape.bytes ? 1 : sizeof(float));
  if (bytes.size() == expected) return bytes;
  return Bad(engine::kBadShape, absl::StrCat("input '", kInputTensor, "' holds ", bytes.size(),
                                             " bytes; its shape of ", elements, " ",
                                             DatatypeOf(shape), " expects ", expected));
}

using RowOf = const google::protobuf::RepeatedField<float>& (v1::PeekResponse::*)() const;

void AddOutput(const char* name, RowOf row_of, const InferShape& shape,
               const std::vector<v1::PeekResponse>& rows, ModelInferResponse* response) {
  ModelInferResponse::InferOutputTensor* output = response->add_outputs();
  output->set_name(name);
  output->set_datatype("FP32");
  output->add_shape(static_cast<std::int64_t>(rows.size()));
  output->add_shape(shape.outputs);
  std::string* bytes = response->add_raw_output_contents();
  for (const v1::PeekResponse& row : rows) {
    const auto& values = (row.*row_of)();
    bytes->append(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::size_t>(values.size()) * sizeof(float));
  }
}

}  // namespace

InferShape ShapeOf(const v1::Model& model) {
  const v1::ModelSpec& spec = model.spec();
  InferShape shape;
  shape.bytes = spec.input().name() == "bytes";
  shape.inputs = shape.bytes ? 1 : IntegerOf(spec.input(), "size", 1);
  shape.outputs = IntegerOf(spec.head(), "outputs", shape.bytes ? 256 : shape.inputs);
  if (shape.outputs == 0) shape.outputs = shape.bytes ? 256 : shape.inputs;
  shape.classes = spec.loss().name() == "cross_entropy";
  return shape;
}

void FillMetadata(const InferShape& shape, inference::ModelMetadataResponse* response) {
  response->set_platform("millrace");
  auto* input = response->add_inputs();
  input->set_name(kInputTensor);
  input->set_datatype(DatatypeOf(shape));
  input->add_shape(-1);
  input->add_shape(shape.inputs);
  for (const char* name : {kOutputsTensor, kProbabilitiesTensor}) {
    if (name == kProbabilitiesTensor && !shape.classes) continue;
    auto* output = response->add_outputs();
    output->set_name(name);
    output->set_datatype("FP32");
    output->add_shape(-1);
    output->add_shape(shape.outputs);
  }
}

absl::StatusOr<std::vector<v1::PeekRequest>> RowsOf(const ModelInferRequest& request,
                                                    const InferShape& shape) {
  const auto input = InputOf(request);
  if (!input.ok()) return input.status();
  const auto count = RowCount(**input, shape);
  if (!count.ok()) return count.status();
  const auto bytes = BytesOf(request, *count * shape.inputs, shape);
  if (!bytes.ok()) return bytes.status();
  std::vector<v1::PeekRequest> rows(static_cast<std::size_t>(*count));
  const auto width = static_cast<std::size_t>(shape.inputs);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    rows[r].set_stream(request.model_name());
    if (shape.bytes) {
      rows[r].set_raw_byte(bytes->substr(r, 1));
      continue;
    }
    rows[r].mutable_floats()->Resize(static_cast<int>(width), 0);
    std::memcpy(rows[r].mutable_floats()->mutable_data(), bytes->data() + r * width * sizeof(float),
                width * sizeof(float));
  }
  return rows;
}

absl::Status FillOutputs(const ModelInferRequest& request, const InferShape& shape,
                         const std::vector<v1::PeekResponse>& rows, ModelInferResponse* response) {
  const auto add = [&](absl::string_view name) {
    if (name == kOutputsTensor) {
      AddOutput(kOutputsTensor, &v1::PeekResponse::outputs, shape, rows, response);
    } else if (name == kProbabilitiesTensor && shape.classes) {
      AddOutput(kProbabilitiesTensor, &v1::PeekResponse::probabilities, shape, rows, response);
    } else {
      return false;
    }
    return true;
  };
  if (request.outputs().empty()) {
    add(kOutputsTensor);
    add(kProbabilitiesTensor);
  }
  for (const auto& wanted : request.outputs()) {
    if (add(wanted.name()) && wanted.parameters().empty()) continue;
    return Bad(kBadPart,
               absl::StrCat("output '", wanted.name(), "' of '", request.model_name(),
                            "' is asked for; expected '", kOutputsTensor, "'",
                            shape.classes ? " or 'probabilities'" : "", ", without parameters"));
  }
  if (!rows.empty()) {
    (*response->mutable_parameters())["next_seq"].set_int64_param(
        static_cast<std::int64_t>(rows.back().next_seq()));
  }
  return absl::OkStatus();
}

}  // namespace millrace::server
