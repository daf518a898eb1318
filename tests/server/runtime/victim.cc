#include "tests/server/runtime/victim.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <future>
#include <utility>

#include "gtest/gtest.h"
#include "tests/server/runtime/harness.h"

namespace millrace::server {
namespace {

v1::LearnPartReply SendTo(Runtime* runtime, v1::LearnPart part) {
  std::promise<v1::LearnPartReply> reply;
  runtime->Submit({std::move(part), "local", nullptr,
                   [&](v1::LearnPartReply answer, bool) { reply.set_value(std::move(answer)); }});
  return reply.get_future().get();
}

}  // namespace

RuntimeOptions VictimOptions(const std::string& store) {
  RuntimeOptions options;
  options.store_path = store;
  options.worker_threads = 1;
  options.snapshot_steps = 400;
  options.min_free_bytes = 0;
  return options;
}

void LearnUntilKilled(const std::string& store, int tell) {
  auto runtime = Runtime::Open(VictimOptions(store), nullptr);
  if (!runtime.ok()) ::_exit(3);
  v1::LearnPart part;
  part.set_stream("s");
  part.mutable_attach();
  const v1::LearnPartReply attached = SendTo(runtime->get(), part);
  if (attached.has_status()) ::_exit(4);
  part.set_epoch(attached.epoch());
  part.set_writer_token(attached.attach().writer_token());
  std::uint64_t seq = attached.applied_seq() + 1;
  while (seq <= kSteps) {
    // Odd sizes, with a repeat in front; some are long enough to be cut into pieces.
    const auto steps = static_cast<std::uint32_t>(1 + (seq * 7919) % 700);
    const std::uint64_t first = seq > 3 ? seq - 3 : seq;
    *part.mutable_observe() = Observation(first, steps + 3);
    const v1::LearnPartReply reply = SendTo(runtime->get(), part);
    if (reply.has_status()) ::_exit(5);
    const Told told{reply.applied_seq(), reply.durable_seq()};
    if (::write(tell, &told, sizeof told) != sizeof told) ::_exit(6);
    seq = reply.applied_seq() + 1;
  }
  while (true) ::pause();
}

}  // namespace millrace::server

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], millrace::server::kVictim) == 0) {
    millrace::server::LearnUntilKilled(argv[2], std::atoi(argv[3]));
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
