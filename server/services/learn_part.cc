// What Learn and LearnOnce share about one part.
#include "absl/strings/str_cat.h"
#include "engine/errors.h"
#include "server/services/learn_reactor.h"

namespace millrace::server {
namespace {

bool HoldsTargets(const v1::Observe& observe) {
  const v1::TargetBlock& targets = observe.targets();
  return !targets.values().empty() || !targets.classes().empty() ||
         !targets.probabilities().empty();
}

bool Teaches(const v1::LearnPart& part) {
  switch (part.body_case()) {
    case v1::LearnPart::kObserve:
      return HoldsTargets(part.observe());
    case v1::LearnPart::kLateTargets:
    case v1::LearnPart::kSettle:
    case v1::LearnPart::kReset:
      return true;
    case v1::LearnPart::kAttach:
    case v1::LearnPart::BODY_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace

absl::Status AuthorizePart(const Authorizer& authorizer, const std::string& principal,
                           const v1::LearnPart& part) {
  absl::Status status = authorizer.Authorize(principal, Verb::kObserve, part.stream());
  if (!status.ok() || !Teaches(part)) return status;
  return authorizer.Authorize(principal, Verb::kLearn, part.stream());
}

v1::LearnPartReply RefusedPart(const Site& site, const v1::LearnPart& part,
                               const absl::Status& status) {
  site.metrics->OnPartRefused("", engine::ReasonOf(status));
  v1::LearnPartReply reply;
  reply.set_part_id(part.part_id());
  reply.set_stream(part.stream());
  *reply.mutable_status() = ToRpcStatus(status);
  return reply;
}

absl::Status TooManyParts(std::int64_t limit) {
  return engine::Error(absl::StatusCode::kResourceExhausted, kLimit,
                       absl::StrCat("the message has more than ", limit,
                                    " parts (max_parts_per_message of the server); spread them "
                                    "over several messages"),
                       {{"limit", "max_parts_per_message"}, {"value", absl::StrCat(limit)}});
}

}  // namespace millrace::server
