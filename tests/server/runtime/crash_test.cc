// kill -9 at random instants: no hole, no double, the same bits.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <future>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

// What the child tells of each reply.
struct Told {
  std::uint64_t applied_seq, durable_seq;
};

constexpr std::uint64_t kSteps = 3000;

// In the child: opens the store, goes on where the stream stands, tells every reply, until killed.
[[noreturn]] void LearnUntilKilled(const RuntimeOptions& options, int tell) {
  auto runtime = Runtime::Open(options, nullptr);
  if (!runtime.ok()) ::_exit(3);
  const auto send = [&](v1::LearnPart part) {
    std::promise<v1::LearnPartReply> reply;
    (*runtime)->Submit({std::move(part), "local", nullptr,
                        [&](v1::LearnPartReply answer) { reply.set_value(std::move(answer)); }});
    return reply.get_future().get();
  };
  v1::LearnPart attach;
  attach.set_stream("s");
  attach.mutable_attach();
  const v1::LearnPartReply attached = send(attach);
  if (attached.has_status()) ::_exit(4);
  std::uint64_t seq = attached.applied_seq() + 1;
  while (seq <= kSteps) {
    // Odd sizes, with a repeat in front; some are long enough to be cut into pieces.
    const auto steps = static_cast<std::uint32_t>(1 + (seq * 7919) % 700);
    v1::LearnPart part;
    part.set_stream("s");
    part.set_epoch(attached.epoch());
    part.set_writer_token(attached.attach().writer_token());
    const std::uint64_t first = seq > 3 ? seq - 3 : seq;
    *part.mutable_observe() = Observation(first, steps + 3);
    const v1::LearnPartReply reply = send(std::move(part));
    if (reply.has_status()) ::_exit(5);
    const Told told{reply.applied_seq(), reply.durable_seq()};
    if (::write(tell, &told, sizeof told) != sizeof told) ::_exit(6);
    seq = reply.applied_seq() + 1;
  }
  while (true) ::pause();
}

// Forks the learner, kills it after `replies` of them and a little more; the last told.
Told KillAfter(const RuntimeOptions& options, int replies, int more_us) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe_ends[0]);
    LearnUntilKilled(options, pipe_ends[1]);
  }
  ::close(pipe_ends[1]);
  Told last{0, 0}, told{0, 0};
  for (int i = 0; i < replies && last.applied_seq < kSteps; ++i) {
    if (::read(pipe_ends[0], &told, sizeof told) != sizeof told) break;
    last = told;
  }
  ::usleep(static_cast<useconds_t>(more_us));  // anywhere in what follows
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the learner ended by itself with " << WEXITSTATUS(status);
  while (::read(pipe_ends[0], &told, sizeof told) == sizeof told) last = told;
  ::close(pipe_ends[0]);
  return last;
}

class CrashTest : public testing::TestWithParam<v1::Durability> {};

TEST_P(CrashTest, LosesNothingDurableAndComesToTheSameBits) {
  Folder folder;
  RuntimeOptions options;
  options.store_path = folder / "store";
  options.worker_threads = 1;
  options.snapshot_steps = 400;
  options.min_free_bytes = 0;
  {
    auto runtime = Runtime::Open(options, nullptr);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    v1::CreateModelRequest create;
    create.set_name("m");
    *create.mutable_spec() = SmallSpec(GetParam());
    ASSERT_TRUE((*runtime)->CreateModel(create).ok());
    v1::OpenStreamRequest open;
    open.set_id("s");
    open.set_model("m");
    open.set_seed(11);
    ASSERT_TRUE((*runtime)->OpenStream(open).ok());
  }
  std::uint64_t durable = 0, random = 88172645463325252u;
  for (int round = 0; round < 6 && durable < kSteps; ++round) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    const Told told = KillAfter(options, static_cast<int>(random % 3),
                                static_cast<int>((random >> 8) % 3000));
    durable = std::max(durable, told.durable_seq);
    auto runtime = Runtime::Open(options, nullptr);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    v1::GetStreamRequest get;
    get.set_id("s");
    get.set_with_digest(true);
    const auto stream = (*runtime)->GetStream(get);
    ASSERT_TRUE(stream.ok()) << stream.status();
    EXPECT_GE(stream->applied_seq(), durable);
    if (GetParam() != v1::DURABILITY_APPLIED) {
      EXPECT_GE(stream->applied_seq(), told.applied_seq) << "the process died, not the machine";
    }
    EXPECT_EQ(stream->durable_seq(), stream->applied_seq());
    EXPECT_EQ(stream->digest(), DigestAfter(stream->applied_seq(), 11, GetParam()));
  }
}

INSTANTIATE_TEST_SUITE_P(Each, CrashTest,
                         testing::Values(v1::DURABILITY_APPLIED, v1::DURABILITY_PROCESS,
                                         v1::DURABILITY_SYNC),
                         [](const auto& instance) {
                           return v1::Durability_Name(instance.param).substr(11);
                         });

}  // namespace
}  // namespace millrace::server
