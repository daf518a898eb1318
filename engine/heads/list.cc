#include "engine/heads/list.h"

#include "absl/strings/str_format.h"
#include "engine/check.h"
#include "engine/errors.h"
#include "engine/heads/contexts.h"
#include "engine/heads/features.h"
#include "engine/heads/gaussian.h"
#include "engine/heads/least_squares.h"
#include "engine/heads/linear.h"
#include "engine/heads/mlp.h"

namespace millrace::engine {
namespace {

// Empty for a head that the optimizer learns.
absl::string_view LossOfClosedForm(absl::string_view head) {
  if (head == "gaussian") return "cross_entropy";
  return head == "least_squares" ? "mean_squared_error" : "";
}

absl::Status CheckContexts(const PartSpec& head, bool byte_inputs) {
  const std::int64_t outputs = head.Integer("outputs");
  if (head.Integer("context_orders") == 0) return absl::OkStatus();
  if (byte_inputs && outputs == Contexts<float>::kOutputs && LossOfClosedForm(head.name).empty()) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("setting 'context_orders' of head '%s' is %d with %d outputs and %s "
                               "input; expected 0, or input 'bytes', 256 outputs and a head that "
                               "the optimizer learns; leave it out",
                               head.name, head.Integer("context_orders"), outputs,
                               byte_inputs ? "byte" : "vector"));
}

}  // namespace

std::vector<PartDescription> DescribeHeads() {
  return {DescribeGaussian(), DescribeLeastSquares(), DescribeLinear(), DescribeMlp()};
}

absl::Status CheckHead(const PartSpec& head, const PartSpec& loss, bool byte_inputs) {
  const absl::string_view only = LossOfClosedForm(head.name);
  if (!only.empty() && loss.name != only) {
    return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
                 absl::StrFormat("loss is '%s'; expected '%s', which is what head '%s' is the "
                                 "closed form of; change the loss or the head",
                                 loss.name, only, head.name));
  }
  absl::Status contexts = CheckContexts(head, byte_inputs);
  if (!contexts.ok()) return contexts;
  const std::string direct = FirstDirectFeature(head);
  if (!byte_inputs || direct.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, kBadSpec,
               absl::StrFormat("setting '%s' of head '%s' asks for a direct feature; expected "
                               "none, since input is 'bytes'; use setting 'context_orders'",
                               direct, head.name));
}

template <typename T>
std::unique_ptr<Head<T>> MakeHead(const PartSpec& part, const HeadShape& shape) {
  if (part.name == "gaussian") return std::make_unique<GaussianHead<T>>(part, shape);
  if (part.name == "least_squares") return std::make_unique<LeastSquaresHead<T>>(part, shape);
  if (part.name == "mlp") return std::make_unique<MlpHead<T>>(part, shape);
  MILLRACE_CHECK(part.name == "linear");
  return std::make_unique<LinearHead<T>>(part, shape);
}

template std::unique_ptr<Head<float>> MakeHead(const PartSpec&, const HeadShape&);
template std::unique_ptr<Head<double>> MakeHead(const PartSpec&, const HeadShape&);

}  // namespace millrace::engine
