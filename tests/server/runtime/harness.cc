#include "tests/server/runtime/harness.h"

#include <cmath>
#include <utility>

#include "engine/model.h"
#include "engine/stream.h"
#include "google/protobuf/text_format.h"
#include "google/rpc/error_details.pb.h"
#include "server/convert/events.h"
#include "server/convert/spec.h"

namespace millrace::server {

float InputAt(std::uint64_t seq, int i) {
  return static_cast<float>(std::sin(0.37 * static_cast<double>(seq) + 1.3 * i));
}

float TargetAt(std::uint64_t seq, int i) {
  return static_cast<float>(std::cos(0.21 * static_cast<double>(seq) + 0.7 * i));
}

v1::ModelSpec SmallSpec(v1::Durability durability, const std::string& target) {
  v1::ModelSpec spec;
  EXPECT_TRUE(
      google::protobuf::TextFormat::ParseFromString(R"pb(
                                                      input {
                                                        name: "vector"
                                                        settings { name: "size" integer: 4 }
                                                        settings { name: "normalise" flag: true }
                                                      }
                                                      cell {
                                                        name: "vanilla"
                                                        settings { name: "units" integer: 8 }
                                                      }
                                                      head {
                                                        name: "linear"
                                                        settings { name: "outputs" integer: 2 }
                                                      }
                                                      loss { name: "mean_squared_error" }
                                                    )pb",
                                                    &spec));
  spec.mutable_target()->set_name(target);
  spec.set_durability(durability);
  return spec;
}

v1::Observe Observation(std::uint64_t first_seq, std::uint32_t steps, bool with_targets) {
  v1::Observe observe;
  observe.set_first_seq(first_seq);
  for (std::uint64_t seq = first_seq; seq < first_seq + steps; ++seq) {
    for (int i = 0; i < kInputs; ++i) observe.add_floats(InputAt(seq, i));
    for (int i = 0; with_targets && i < kOutputs; ++i) {
      observe.mutable_targets()->add_values(TargetAt(seq, i));
    }
  }
  return observe;
}

v1::LateTargets Targets(std::uint64_t first_seq, std::uint32_t steps) {
  v1::LateTargets late;
  v1::TargetBlock& block = *late.add_blocks();
  block.set_first_seq(first_seq);
  block.set_steps(steps);
  for (std::uint64_t seq = first_seq; seq < first_seq + steps; ++seq) {
    for (int i = 0; i < kOutputs; ++i) block.add_values(TargetAt(seq, i));
  }
  return late;
}

std::string DigestAfter(std::uint64_t steps, std::uint64_t seed, v1::Durability durability) {
  const auto spec = FromWire(SmallSpec(durability));
  const auto model = engine::Model::Create("m", *spec);
  const auto stream = engine::Stream::Open(*model, "reference", {.seed = seed, .overrides = {}});
  engine::Outcome outcome;
  for (std::uint64_t seq = 1; seq <= steps; ++seq) {
    const v1::Observe message = Observation(seq, 1);
    ViewedEvent viewed;
    EXPECT_TRUE(ViewObserve(message, &viewed).ok());
    EXPECT_TRUE((*stream)->Check(viewed.event).ok());
    (*stream)->Apply(viewed.event, {}, &outcome);
  }
  return (*stream)->Digest();
}

std::string ReasonIn(const google::rpc::Status& status) {
  google::rpc::ErrorInfo cause;
  if (status.details_size() != 1 || !status.details(0).UnpackTo(&cause)) return "";
  EXPECT_EQ(cause.domain(), "millrace");
  return cause.reason();
}

Harness::Harness() : Harness(RuntimeOptions()) {}

Harness::Harness(const RuntimeOptions& options) : options_(options) {
  if (options_.worker_threads == 0) options_.worker_threads = 2;
  options_.environment = &environment_;
  Open();
}

void Harness::Open(const std::string& folder) {
  runtime_.reset();
  writers_.clear();
  options_.store_path = folder.empty() ? store() : folder;
  auto runtime = Runtime::Open(options_, observer_);
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  runtime_ = *std::move(runtime);
}

std::string Harness::Crashed(const std::string& name) {
  CopyFolder(options_.store_path, folder_ / name);
  return folder_ / name;
}

void Harness::CreateModel(const std::string& name, const v1::ModelSpec& spec) {
  v1::CreateModelRequest request;
  request.set_name(name);
  *request.mutable_spec() = spec;
  const auto model = runtime_->CreateModel(request);
  ASSERT_TRUE(model.ok()) << model.status();
}

v1::Stream Harness::OpenStream(const std::string& id, const std::string& model,
                               std::uint64_t seed) {
  v1::OpenStreamRequest request;
  request.set_id(id);
  request.set_model(model);
  request.set_seed(seed);
  const auto opened = runtime_->OpenStream(request);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? opened->stream() : v1::Stream();
}

v1::Stream Harness::Stream(const std::string& id) {
  v1::GetStreamRequest request;
  request.set_id(id);
  const auto stream = runtime_->GetStream(request);
  EXPECT_TRUE(stream.ok()) << stream.status();
  return stream.ok() ? *stream : v1::Stream();
}

std::string Harness::Digest(const std::string& id) {
  v1::GetStreamRequest request;
  request.set_id(id);
  request.set_with_digest(true);
  const auto stream = runtime_->GetStream(request);
  EXPECT_TRUE(stream.ok()) << stream.status();
  return stream.ok() ? stream->digest() : "";
}

std::future<v1::LearnPartReply> Harness::SendAsync(v1::LearnPart part) {
  auto promise = std::make_shared<std::promise<v1::LearnPartReply>>();
  auto reply = promise->get_future();
  runtime_->Submit({std::move(part), "local", nullptr,
                    [promise](v1::LearnPartReply answer, bool) { promise->set_value(answer); }});
  return reply;
}

v1::LearnPartReply Harness::Send(v1::LearnPart part) { return SendAsync(std::move(part)).get(); }

v1::LearnPart Harness::PartOf(const std::string& id) {
  v1::LearnPart part;
  part.set_stream(id);
  part.set_epoch(writers_[id].epoch);
  part.set_writer_token(writers_[id].token);
  return part;
}

v1::LearnPartReply Harness::Attach(const std::string& id, std::uint64_t last_durable_seq) {
  v1::LearnPart part;
  part.set_stream(id);
  part.mutable_attach()->set_last_durable_seq(last_durable_seq);
  v1::LearnPartReply reply = Send(std::move(part));
  if (reply.has_attach()) writers_[id] = {reply.epoch(), reply.attach().writer_token()};
  return reply;
}

v1::LearnPartReply Harness::Observe(const std::string& id, std::uint64_t first_seq,
                                    std::uint32_t steps, bool with_targets) {
  v1::LearnPart part = PartOf(id);
  *part.mutable_observe() = Observation(first_seq, steps, with_targets);
  return Send(std::move(part));
}

v1::LearnPartReply Harness::Release(const std::string& id, std::uint64_t first_seq,
                                    std::uint32_t steps) {
  v1::LearnPart part = PartOf(id);
  *part.mutable_late_targets() = Targets(first_seq, steps);
  return Send(std::move(part));
}

}  // namespace millrace::server
