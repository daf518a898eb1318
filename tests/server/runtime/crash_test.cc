// kill -9 at random instants: no hole, no double, the same bits.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"
#include "tests/server/runtime/victim.h"

namespace millrace::server {
namespace {

// Starts the victim, kills it after `replies` of its replies and a little more; the last told.
Told KillAfter(const std::string& store, int replies, int more_us) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe_ends[0]);
    // A program of its own: the database's threads of this one do not survive a fork.
    const std::string tell = std::to_string(pipe_ends[1]);
    ::execl("/proc/self/exe", "victim", kVictim, store.c_str(), tell.c_str(), nullptr);
    ::_exit(7);
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
  const RuntimeOptions options = VictimOptions(folder / "store");
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
  std::uint64_t durable = 0, applied = 0, random = 88172645463325252u;
  for (int round = 0; round < 6 && applied < kSteps; ++round) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    const Told told = KillAfter(options.store_path, static_cast<int>(random % 3),
                                static_cast<int>((random >> 8) % 3000));
    durable = std::max(durable, told.durable_seq);
    auto runtime = Runtime::Open(options, nullptr);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    v1::GetStreamRequest get;
    get.set_id("s");
    get.set_with_digest(true);
    const auto stream = (*runtime)->GetStream(get);
    ASSERT_TRUE(stream.ok()) << stream.status();
    applied = stream->applied_seq();
    EXPECT_GE(applied, durable);
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
