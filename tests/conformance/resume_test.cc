// Some steps, a snapshot, and the rest are one run: in the same process, and in a fresh one that
// goes on with the whole list.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "tests/conformance/resume.h"

namespace millrace::conformance {
namespace {

TEST(Resume, ASnapshotAndTheRestAreOneRunBitForBit) {
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    const engine::Snapshot cut = PlayedTo(combination, kResumeCut);
    const absl::StatusOr<engine::Snapshot> decoded =
        engine::DecodeSnapshot(engine::EncodeSnapshot(cut));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    const engine::Snapshot resumed = RestOf(combination, *decoded);
    const engine::Snapshot whole = PlayedTo(combination, kResumeSteps);
    ASSERT_EQ(DifferingTensors(resumed, whole), "");
    EXPECT_NE(DifferingTensors(cut, whole), "");
  }
}

TEST(Resume, ASnapshotIsAPureRead) {
  for (const Combination& combination : Combinations()) {
    SCOPED_TRACE(combination.name);
    const std::shared_ptr<const engine::Model> model = MakeModel(combination.spec);
    const std::unique_ptr<engine::Stream> stream = OpenStream(model);
    const Script script = MakeScript(*model, 9, 28);
    Player player(&script, stream.get());
    for (int t = 0; t < 28; t += kReleaseEvery) {
      PlayOnStream(*model, t, t + kReleaseEvery, 0, &player);
      EXPECT_EQ(engine::EncodeSnapshot(stream->Save()), engine::EncodeSnapshot(stream->Save()));
    }
    const std::unique_ptr<engine::Stream> undisturbed = OpenStream(model);
    Player other(&script, undisturbed.get());
    PlayOnStream(*model, 0, 28, 0, &other);
    ASSERT_EQ(DifferingTensors(stream->Save(), undisturbed->Save()), "");
  }
}

void Write(std::ofstream* file, std::uint64_t number) {
  file->write(reinterpret_cast<const char*>(&number), sizeof number);
}

std::map<std::size_t, std::string> DigestsOfAnotherProcess(const std::string& path) {
  const char* const program = std::getenv("MILLRACE_RESUME");
  std::map<std::size_t, std::string> digests;
  std::FILE* const output = popen((std::string(program) + " " + path).c_str(), "r");
  unsigned long long index = 0;
  char digest[65] = {};
  while (std::fscanf(output, "%llu %64s", &index, digest) == 2) digests[index] = digest;
  EXPECT_EQ(pclose(output), 0);
  return digests;
}

TEST(Resume, AFreshProcessGoesOnWithTheWholeList) {
  if (std::getenv("MILLRACE_RESUME") == nullptr) GTEST_SKIP() << "MILLRACE_RESUME is not set";
  // The suite runs beside itself on other instruction sets.
  const std::string path =
      testing::TempDir() + "/millrace_resume_snapshots." + std::to_string(getpid());
  std::ofstream file(path, std::ios::binary);
  for (std::size_t i = 0; i < Combinations().size(); ++i) {
    const std::string bytes = engine::EncodeSnapshot(PlayedTo(Combinations()[i], kResumeCut));
    Write(&file, i);
    Write(&file, bytes.size());
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  file.close();
  const std::map<std::size_t, std::string> digests = DigestsOfAnotherProcess(path);
  std::remove(path.c_str());
  ASSERT_EQ(digests.size(), Combinations().size());
  for (const auto& [i, digest] : digests) {
    EXPECT_EQ(digest, engine::SnapshotDigest(PlayedTo(Combinations()[i], kResumeSteps)))
        << Combinations()[i].name;
  }
  std::remove(path.c_str());
}

}  // namespace
}  // namespace millrace::conformance
