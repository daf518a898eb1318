// millrace-trajectory IN.json OUT.json: replays a recording. README.md describes both files.
//
// Exit code 0; 2 with one sentence where something is wrong, and OUT is not touched then.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/trajectory/playback.h"
#include "tests/trajectory/reading.h"
#include "tests/trajectory/recording.h"
#include "tests/trajectory/weights.h"

namespace millrace::trajectory {
namespace {

constexpr int kFailed = 2;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.is_open() && !file.bad() && !text.empty()) return text;
  return Wrong(path, file.is_open() ? "empty, or no file" : "not readable", "a file of JSON",
               "name the recording first");
}

// By way of a file beside it, so that OUT is whole or not there.
absl::Status WriteFile(const std::string& path, const std::string& text) {
  const std::string beside = path + ".part";
  std::ofstream file(beside, std::ios::binary);
  file << text << '\n';
  file.close();
  if (file && std::rename(beside.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const std::string reason = std::strerror(errno);
  std::remove(beside.c_str());
  return Wrong(path, absl::StrCat("not writable (", reason, ")"), "a place for the result",
               "name a file in a folder that is there");
}

absl::StatusOr<Json> Play(const Recording& recording) {
  Playback playback(recording);
  Json out = {{"loss", Json::array()},       {"hidden", Json::array()},
              {"prediction", Json::array()}, {"outputs", Json::array()},
              {"gradients", Json::object()}, {"weights", Json::object()}};
  for (std::int64_t t = 0; t < recording.steps; ++t) {
    absl::StatusOr<PlayedStep> step = playback.Step(t);
    if (!step.ok()) return step.status();
    out["loss"].push_back(step->held ? Json(step->loss) : Json());
    out["hidden"].push_back(step->state);
    out["prediction"].push_back(step->prediction);
    out["outputs"].push_back(step->outputs);
    for (const engine::ParameterBlock& block : playback.layout().blocks()) {
      out["gradients"][block.name].push_back(BlockOf(block, recording.rows, step->gradient.data()));
    }
  }
  for (const engine::ParameterBlock& block : playback.layout().blocks()) {
    out["weights"][block.name] = BlockOf(block, recording.rows, playback.theta().data());
  }
  return out;
}

absl::Status Run(const std::string& in, const std::string& out) {
  absl::StatusOr<std::string> text = ReadFile(in);
  if (!text.ok()) return text.status();
  absl::StatusOr<Recording> recording = ReadRecording(*text);
  if (!recording.ok()) return recording.status();
  absl::StatusOr<Json> played = Play(*recording);
  if (!played.ok()) return played.status();
  return WriteFile(out, played->dump());
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: millrace-trajectory IN.json OUT.json\n");
    return kFailed;
  }
  const absl::Status status = Run(argv[1], argv[2]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "millrace-trajectory: %s\n", std::string(status.message()).c_str());
  return kFailed;
}

}  // namespace
}  // namespace millrace::trajectory

int main(int argc, char** argv) {
  try {
    return millrace::trajectory::Main(argc, argv);
  } catch (const std::exception& problem) {  // no memory
    std::fprintf(stderr, "millrace-trajectory: the run has ended (%s)\n", problem.what());
    return millrace::trajectory::kFailed;
  }
}
