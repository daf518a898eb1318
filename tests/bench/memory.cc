// What a stream takes in memory, by kind.
//
//   memory_bench    prints a JSON list, one object a kind
//
// parameters: p; state: bytes of one stream as the engine accounts for them (Model::sizes);
// process: growth of the process' resident memory for each further stream, measured over as many
// streams as fit into 256 MB, after each has learned from one message.

#include <malloc.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "tests/bench/played_stream.h"

namespace millrace::bench {
namespace {

constexpr std::int64_t kBudget = 64 << 20;
constexpr std::int64_t kMostStreams = 64;

// Allocated and not freed, in bytes.
std::int64_t AllocatedBytes() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<std::int64_t>(heap.uordblks + heap.hblkhd);
}

std::unique_ptr<PlayedStream> Learned(const std::shared_ptr<const engine::Model>& model,
                                      const Case& c, std::int64_t number) {
  constexpr std::int64_t kSteps = 4;
  auto played =
      std::make_unique<PlayedStream>(model, c, kSteps, static_cast<std::uint64_t>(number));
  played->Play();
  return played;
}

void Print(const Case& c, bool first) {
  const auto model = MakeModel(c);
  const std::int64_t state = model->sizes().stream_bytes;
  const std::int64_t count = std::clamp<std::int64_t>(kBudget / state, 1, kMostStreams);
  std::vector<std::unique_ptr<PlayedStream>> streams;
  streams.reserve(static_cast<std::size_t>(count + 1));
  streams.push_back(Learned(model, c, 1));
  const std::int64_t before = AllocatedBytes();
  for (std::int64_t i = 0; i < count; ++i) streams.push_back(Learned(model, c, i + 2));
  const std::int64_t each = (AllocatedBytes() - before) / count;
  std::printf("%s\n {\"name\": \"%s\", \"parameters\": %" PRId64 ", \"touched\": %" PRId64
              ", \"state\": %" PRId64 ", \"heap\": %" PRId64 ", \"streams\": %" PRId64 "}",
              first ? "" : ",", c.Name().c_str(), model->sizes().parameters,
              streams.front()->TouchedBytes(), state, each, count);
}

void PrintAll() {
  bool first = true;
  const auto print = [&](const Case& c) {
    Print(c, first);
    first = false;
  };
  std::printf("[");
  for (const std::int64_t n : {32, 64, 128, 256, 512, 1024}) {
    for (const char* const rule : {"immediate", "snap1"}) print({"vanilla", rule, "rmsprop", n});
    print({.cell = "vanilla",
           .rule = "immediate",
           .optimizer = "rmsprop",
           .units = n,
           .good_copy = false});
    for (const char* const optimizer : {"sgd", "adam"}) {
      print({"vanilla", "immediate", optimizer, n});
    }
    for (const char* const cell : {"lstm", "gru"}) print({cell, "immediate", "rmsprop", n});
    for (const char* const cell : {"lru", "glru", "min_gru"}) print({cell, "rtrl", "rmsprop", n});
    for (const char* const rule : {"block4", "block16"}) print({"vanilla", rule, "rmsprop", n});
    if (n <= 256) print({"vanilla", "rtrl", "rmsprop", n});
  }
  std::printf("\n]\n");
}

}  // namespace
}  // namespace millrace::bench

int main() {
  millrace::bench::PrintAll();
  return 0;
}
