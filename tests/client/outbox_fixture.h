// An outbox over a fake stream, without threads: what the outbox's tests play with.
#ifndef MILLRACE_TESTS_CLIENT_OUTBOX_FIXTURE_H_
#define MILLRACE_TESTS_CLIENT_OUTBOX_FIXTURE_H_

#include <gtest/gtest.h>

#include "client/cpp/outbox.h"
#include "tests/client/fake_stream.h"

namespace millrace::client {

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() { Remake({}); }

  void Remake(const OutboxLimits& limits) {
    outbox_ = std::make_unique<Outbox>("s", limits, 0,
                                       [this](absl::Status status) { attached_ = status; });
  }

  void Run() {
    Calls calls = std::move(calls_);
    calls_.clear();
    for (const auto& call : calls) call();
  }

  // Attaches: the server has applied so much.
  void Attach(std::uint64_t applied, std::uint64_t durable, std::uint32_t window_steps = 100,
              std::uint64_t learned = 0, const std::vector<std::uint64_t>& held = {}) {
    v1::LearnPartReply reply;
    reply.set_part_id(outbox_->AttachPart().part_id());
    reply.set_epoch(epoch_);
    reply.set_applied_seq(applied);
    reply.set_durable_seq(durable);
    reply.set_learned_seq(learned);
    reply.mutable_attach()->set_writer_token(5);
    for (const std::uint64_t seq : held) reply.mutable_attach()->add_held_targets(seq);
    reply.mutable_attach()->set_window_steps(window_steps);
    reply.mutable_attach()->set_window_bytes(1 << 20);
    outbox_->OnAttachReply(reply, &calls_);
    Run();
  }

  void Observe(std::uint32_t steps, absl::Time deadline = absl::InfiniteFuture()) {
    Observation observation;
    observation.steps = steps;
    for (std::uint32_t t = 0; t < steps; ++t) {
      observation.body.add_floats(static_cast<float>(outbox_->next_seq() + t));
    }
    outbox_->Observe(
        std::move(observation),
        [this](absl::StatusOr<Observed> result) { observed_.push_back(std::move(result)); },
        deadline, &calls_);
    Run();
  }

  void Other(v1::LearnPart body) {
    outbox_->Other(
        std::move(body),
        [this](absl::StatusOr<Acknowledged> result) { acknowledged_.push_back(std::move(result)); },
        absl::InfiniteFuture(), &calls_);
    Run();
  }
  void Late(std::uint64_t seq) {
    v1::LearnPart body;
    v1::TargetBlock* block = body.mutable_late_targets()->add_blocks();
    block->set_first_seq(seq);
    block->set_steps(1);
    block->add_classes(1);
    Other(std::move(body));
  }
  void Settle() {
    v1::LearnPart body;
    body.mutable_settle();
    Other(std::move(body));
  }

  std::vector<v1::LearnPart> SendAll() {
    std::vector<v1::LearnPart> parts;
    while (auto part = outbox_->NextPart(now_)) parts.push_back(*part);
    return parts;
  }

  // The server applies the part, or refuses it.
  void Reply(const v1::LearnPart& part, std::uint64_t applied, std::uint64_t durable,
             const absl::Status& status = absl::OkStatus()) {
    v1::LearnPartReply reply;
    reply.set_part_id(part.part_id());
    reply.set_applied_seq(applied);
    reply.set_durable_seq(durable);
    if (!status.ok()) *reply.mutable_status() = ToRpc(status);
    if (status.ok() && part.has_observe()) {
      reply.mutable_observe()->set_first_seq(part.observe().first_seq());
      reply.mutable_observe()->set_steps(static_cast<std::uint32_t>(part.observe().floats_size()));
      *reply.mutable_observe()->mutable_outputs() = part.observe().floats();
    }
    outbox_->OnReply(reply, now_, &calls_);
    Run();
  }

  void Break() {
    outbox_->OnBroken(&calls_);
    Run();
  }

  std::unique_ptr<Outbox> outbox_;
  std::uint64_t epoch_ = 1;
  absl::Time now_ = absl::UnixEpoch();
  Calls calls_;
  absl::Status attached_ = absl::UnknownError("not yet");
  std::vector<absl::StatusOr<Observed>> observed_;
  std::vector<absl::StatusOr<Acknowledged>> acknowledged_;
};

}  // namespace millrace::client

#endif  // MILLRACE_TESTS_CLIENT_OUTBOX_FIXTURE_H_
